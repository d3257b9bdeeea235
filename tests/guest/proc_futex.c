/* SPDX-License-Identifier: BSD-2-Clause */
/* futex(2) by hand: waiting, waking, bit sets, requeueing, WAKE_OP, time-outs, robust lists, PI locks. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "guest.h"

static uint32_t word, word2;

static long
futex(uint32_t *addr, int op, uint32_t val, const void *timeout, uint32_t *addr2, uint32_t val3)
{
	return syscall(SYS_futex, addr, op, val, timeout, addr2, val3);
}

#define NUM(n) ((void *)(long)(n))

struct waiter { pthread_t thread; uint32_t *addr; int op; uint32_t val, bits; long result; int error; volatile int started; };

static void *
wait_in_thread(void *arg)
{
	struct waiter *w = arg;

	w->started = 1;
	w->result = futex(w->addr, w->op, w->val, NULL, NULL, w->bits);
	w->error = errno;
	return NULL;
}

static void
start(struct waiter *w, uint32_t *addr, int op, uint32_t bits)
{
	*w = (struct waiter){ .addr = addr, .op = op, .val = *addr, .bits = bits };
	ck_assert_int_eq(pthread_create(&w->thread, NULL, wait_in_thread, w), 0);
	while (!w->started)
		;
	usleep(20000);
}

START_TEST(arguments_are_checked)
{
	struct timespec bad = { 0, 1000000000 };

	ck_fails(futex(&word, FUTEX_WAIT, 1, NULL, NULL, 0), EAGAIN);
	ck_fails(futex((uint32_t *)((char *)&word + 1), FUTEX_WAIT, 0, NULL, NULL, 0), EINVAL);
	ck_fails(futex((uint32_t *)0x1000, FUTEX_WAIT, 0, NULL, NULL, 0), EFAULT);
	ck_fails(futex((uint32_t *)0xffff888000000000, FUTEX_WAIT, 0, NULL, NULL, 0), EFAULT);
	ck_fails(futex(&word, FUTEX_WAIT, 0, &bad, NULL, 0), EINVAL);
	ck_fails(futex(&word, 77, 0, NULL, NULL, 0), ENOSYS);
	ck_fails(futex(&word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 0, NULL, NULL, 0), ENOSYS);
	ck_fails(futex(&word, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0), EINVAL);
	ck_fails(futex(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0), EINVAL);
	ck_assert_int_eq(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
	ck_assert_int_eq(futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 0);
}
END_TEST

START_TEST(time_outs)
{
	struct timespec ts = { 0, 30000000 }, now;

	ck_fails(futex(&word, FUTEX_WAIT, 0, &ts, NULL, 0), ETIMEDOUT);
	clock_gettime(CLOCK_MONOTONIC, &now);
	ck_fails(futex(&word, FUTEX_WAIT_BITSET, 0, &now, NULL, -1u), ETIMEDOUT);
	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_nsec += 30000000;
	if (now.tv_nsec >= 1000000000) {
		now.tv_nsec -= 1000000000;
		now.tv_sec++;
	}
	ck_fails(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &now, NULL, -1u), ETIMEDOUT);
	clock_gettime(CLOCK_REALTIME, &ts);
	ck_assert(ts.tv_sec > now.tv_sec || (ts.tv_sec == now.tv_sec && ts.tv_nsec >= now.tv_nsec));
}
END_TEST

START_TEST(wake_wakes_so_many)
{
	struct waiter w[3];

	for (int i = 0; i < 3; i++)
		start(&w[i], &word, FUTEX_WAIT_PRIVATE, 0);
	ck_assert_int_eq(futex(&word, FUTEX_WAKE_PRIVATE, 2, NULL, NULL, 0), 2);
	ck_assert_int_eq(futex(&word, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0), 1);
	for (int i = 0; i < 3; i++) {
		pthread_join(w[i].thread, NULL);
		ck_assert_int_eq(w[i].result, 0);
	}
}
END_TEST

START_TEST(bit_sets_choose)
{
	struct waiter a, b;

	start(&a, &word, FUTEX_WAIT_BITSET_PRIVATE, 1);
	start(&b, &word, FUTEX_WAIT_BITSET_PRIVATE, 6);
	ck_assert_int_eq(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 10, NULL, NULL, 8), 0);
	ck_assert_int_eq(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 10, NULL, NULL, 2), 1);
	pthread_join(b.thread, NULL);
	ck_assert_int_eq(futex(&word, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0), 1);
	pthread_join(a.thread, NULL);
}
END_TEST

START_TEST(requeue_moves)
{
	struct waiter w[3];

	for (int i = 0; i < 3; i++)
		start(&w[i], &word, FUTEX_WAIT_PRIVATE, 0);
	ck_fails(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, NUM(10), &word2, 5), EAGAIN);
	ck_assert_int_eq(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, NUM(10), &word2, 0), 3);
	ck_assert_int_eq(futex(&word, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0), 0);
	ck_assert_int_eq(futex(&word2, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0), 2);
	for (int i = 0; i < 3; i++)
		pthread_join(w[i].thread, NULL);
	start(&w[0], &word, FUTEX_WAIT_PRIVATE, 0);
	ck_assert_int_eq(futex(&word, FUTEX_REQUEUE_PRIVATE, 0, NUM(1), &word2, 0), 1);
	ck_assert_int_eq(futex(&word2, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0), 1);
	pthread_join(w[0].thread, NULL);
}
END_TEST

START_TEST(wake_op_changes_and_wakes)
{
	struct waiter a, b;

	start(&a, &word, FUTEX_WAIT_PRIVATE, 0);
	start(&b, &word2, FUTEX_WAIT_PRIVATE, 0);
	word2 = 5;
	/* word2 += 3; wake one on word, and one on word2 as the old value was > 4 */
	ck_assert_int_eq(futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, NUM(1), &word2,
		FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_GT, 4)), 2);
	ck_assert_int_eq(word2, 8);
	pthread_join(a.thread, NULL);
	pthread_join(b.thread, NULL);
	ck_assert_int_eq(futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, NUM(1), &word2,
		FUTEX_OP((FUTEX_OP_OR | FUTEX_OP_OPARG_SHIFT), 6, FUTEX_OP_CMP_EQ, 1)), 0);
	ck_assert_int_eq(word2, 8 | 64);
	ck_assert_int_eq(futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, NUM(1), &word2, FUTEX_OP(FUTEX_OP_SET, -1, FUTEX_OP_CMP_NE, 0)), 0);
	ck_assert_uint_eq(word2, -1u);
	ck_fails(futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, NUM(1), &word2, FUTEX_OP(7, 1, FUTEX_OP_CMP_NE, 0)), ENOSYS);
}
END_TEST

START_TEST(shared_memory_across_processes)
{
	uint32_t *mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int fd = ck_ok(open("/tmp/futex-file", O_RDWR | O_CREAT, 0600)), status;
	uint32_t *file;

	ck_ok(ftruncate(fd, 8192));
	file = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	for (int i = 0; i < 2; i++) {
		uint32_t *w = i == 0 ? mem : file + 1024;
		pid_t pid = ck_ok(fork());

		if (pid == 0) {
			if (i == 1)	/* by another mapping of the same file */
				w = (uint32_t *)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096);
			_exit(futex(w, FUTEX_WAIT, 0, NULL, NULL, 0) == 0 ? 0 : 1);
		}
		while (futex(w, FUTEX_WAKE, 1, NULL, NULL, 0) == 0)
			usleep(1000);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_int_eq(status, 0);
	}
	unlink("/tmp/futex-file");
}
END_TEST

static void
nothing(int sig)
{
}

/* Who is moved to a word in memory that goes: only a signal ends that, and nothing else of the kernel's comes by that key. */
START_TEST(requeue_to_memory_that_goes)
{
	uint32_t *mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), *other;
	int fd = (int)ck_ok(open("/tmp/futex-gone", O_RDWR | O_CREAT, 0600)), status;
	pid_t pid = ck_ok(fork());

	if (pid == 0)
		_exit(futex(mem, FUTEX_WAIT, 0, NULL, NULL, 0) == 0 ? 0 : 1);
	ck_ok(ftruncate(fd, 4096));
	other = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	while (futex(mem, FUTEX_REQUEUE, 0, NUM(1), other, 0) == 0)
		usleep(1000);
	ck_ok(unlink("/tmp/futex-gone"));
	ck_ok(munmap(other, 4096));
	close(fd);
	for (int i = 0; i < 50; i++) {		/* others take its place */
		fd = (int)ck_ok(open("/tmp/futex-gone", O_RDWR | O_CREAT, 0600));
		ck_ok(ftruncate(fd, 4096));
		other = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		ck_assert_int_eq(futex(other, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
		ck_ok(munmap(other, 4096));
		ck_ok(unlink("/tmp/futex-gone"));
		close(fd);
	}
	ck_assert_int_eq(waitpid(pid, &status, WNOHANG), 0);
	ck_ok(kill(pid, SIGKILL));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
}
END_TEST

START_TEST(signals_interrupt)
{
	struct sigaction sa = { .sa_handler = nothing };
	struct timespec ts = { 10, 0 };
	pid_t me = getpid(), pid;

	sigaction(SIGUSR1, &sa, NULL);
	pid = ck_ok(fork());
	if (pid == 0) {
		usleep(30000);
		kill(me, SIGUSR1);
		usleep(60000);
		kill(me, SIGUSR1);
		_exit(0);
	}
	ck_fails(futex(&word, FUTEX_WAIT, 0, NULL, NULL, 0), EINTR);
	ck_fails(futex(&word, FUTEX_WAIT, 0, &ts, NULL, 0), EINTR);
	waitpid(pid, NULL, 0);
}
END_TEST

struct robust_lock { struct robust_list list; uint32_t word; };

START_TEST(robust_locks_are_marked)
{
	struct robust_lock *locks = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct robust_list_head *head = (struct robust_list_head *)(locks + 8);
	pid_t pid = ck_ok(fork());
	int status;

	if (pid == 0) {
		uint32_t tid = (uint32_t)syscall(SYS_gettid);

		head->futex_offset = offsetof(struct robust_lock, word);
		head->list.next = &locks[0].list;
		locks[0].list.next = &locks[1].list;
		locks[1].list.next = &locks[2].list;
		locks[2].list.next = &head->list;
		head->list_op_pending = &locks[3].list;
		locks[0].word = tid;
		locks[1].word = tid | FUTEX_WAITERS;
		locks[2].word = 12345;
		locks[3].word = tid;
		if (syscall(SYS_set_robust_list, head, sizeof(*head)))
			_exit(1);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(locks[0].word, FUTEX_OWNER_DIED);
	ck_assert_uint_eq(locks[1].word, FUTEX_OWNER_DIED | FUTEX_WAITERS);
	ck_assert_uint_eq(locks[2].word, 12345);
	ck_assert_uint_eq(locks[3].word, FUTEX_OWNER_DIED);
	ck_fails(syscall(SYS_set_robust_list, head, 7), EINVAL);
}
END_TEST

START_TEST(robust_waiter_is_woken)
{
	struct robust_lock *lock = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = ck_ok(fork());
	struct timespec ts = { 10, 0 };

	if (pid == 0) {
		static struct robust_list_head head;

		head.futex_offset = offsetof(struct robust_lock, word);
		head.list.next = &lock->list;
		lock->list.next = &head.list;
		syscall(SYS_set_robust_list, &head, sizeof(head));
		lock->word = (uint32_t)syscall(SYS_gettid) | FUTEX_WAITERS;
		usleep(50000);
		_exit(0);
	}
	while (lock->word == 0)
		usleep(1000);
	if (futex(&lock->word, FUTEX_WAIT, pid | FUTEX_WAITERS, &ts, NULL, 0) != 0)
		ck_assert_int_eq(errno, EAGAIN);
	ck_assert_uint_eq(lock->word, FUTEX_OWNER_DIED | FUTEX_WAITERS);
	waitpid(pid, NULL, 0);
}
END_TEST

START_TEST(looping_robust_list_ends)
{
	pid_t pid = ck_ok(fork());
	int status;

	if (pid == 0) {
		static struct robust_list_head head;
		static struct robust_lock a, b;

		head.futex_offset = offsetof(struct robust_lock, word);
		head.list.next = &a.list;
		a.list.next = &b.list;
		b.list.next = &a.list;
		syscall(SYS_set_robust_list, &head, sizeof(head));
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

/* --- PI --- */

static void *
pi_locker(void *arg)
{
	struct waiter *w = arg;

	w->started = 1;
	w->result = futex(w->addr, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	w->error = errno;
	if (w->result == 0) {
		usleep(10000);
		w->val = *w->addr;
		futex(w->addr, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	}
	return NULL;
}

START_TEST(pi_lock_and_unlock)
{
	uint32_t tid = (uint32_t)syscall(SYS_gettid);
	struct waiter w[2];

	ck_ok(futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0));
	ck_assert_uint_eq(word, tid);
	ck_fails(futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0), EDEADLK);
	ck_fails(futex(&word, FUTEX_TRYLOCK_PI_PRIVATE, 0, NULL, NULL, 0), EDEADLK);
	for (int i = 0; i < 2; i++) {
		w[i] = (struct waiter){ .addr = &word };
		pthread_create(&w[i].thread, NULL, pi_locker, &w[i]);
		while (!w[i].started)
			;
	}
	usleep(30000);
	ck_assert_uint_eq(word, tid | FUTEX_WAITERS);
	ck_ok(futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0));
	for (int i = 0; i < 2; i++) {
		pthread_join(w[i].thread, NULL);
		ck_assert_int_eq(w[i].result, 0);
		ck_assert_uint_ne(w[i].val & FUTEX_TID_MASK, tid);
	}
	ck_assert_uint_eq(word, 0);
	ck_fails(futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0), EPERM);
}
END_TEST

START_TEST(pi_errors)
{
	struct timespec past = { 1, 0 };
	struct waiter w = { .addr = &word };

	word = 4000000;		/* nobody */
	ck_fails(futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0), ESRCH);
	word = 0;
	ck_ok(futex(&word, FUTEX_TRYLOCK_PI_PRIVATE, 0, NULL, NULL, 0));
	pthread_create(&w.thread, NULL, pi_locker, &w);
	while (!w.started)
		;
	usleep(30000);
	ck_fails(futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), EINVAL);
	ck_ok(futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0));
	usleep(2000);		/* it is the other's, for 10 ms */
	if (futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, &past, NULL, 0) == -1)
		ck_assert_int_eq(errno, ETIMEDOUT);
	else
		futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	pthread_join(w.thread, NULL);
	ck_assert_int_eq(w.result, 0);
}
END_TEST

START_TEST(pi_owner_dies)
{
	uint32_t *lock = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint32_t tid = (uint32_t)syscall(SYS_gettid);
	pid_t pid = ck_ok(fork());

	if (pid == 0) {
		futex(lock, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
		usleep(80000);
		_exit(0);
	}
	while (*lock == 0)
		usleep(1000);
	ck_ok(futex(lock, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	ck_assert_uint_eq(*lock & FUTEX_TID_MASK, tid);
	ck_ok(futex(lock, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	waitpid(pid, NULL, 0);
}
END_TEST

/* --- chains --- */

struct link { pthread_t thread; uint32_t own; uint32_t *next; volatile pid_t tid; volatile int locked; long result; };

/* Holds its own lock and waits for the next one. */
static void *
hold_and_wait(void *arg)
{
	struct link *l = arg;

	l->tid = (pid_t)syscall(SYS_gettid);
	futex(&l->own, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	l->locked = 1;
	l->result = futex(l->next, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	if (l->result == 0)
		futex(l->next, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	futex(&l->own, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	return NULL;
}

/* Each link waits for the one before it, the first for `word`, which we hold. */
static void
start_chain(struct link *l, int n)
{
	ck_ok(futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0));
	for (int i = 0; i < n; i++) {
		l[i] = (struct link){ .next = i == 0 ? &word : &l[i - 1].own };
		ck_assert_int_eq(pthread_create(&l[i].thread, NULL, hold_and_wait, &l[i]), 0);
		while (!l[i].locked)
			usleep(1000);
	}
	usleep(50000);
}

static void
end_chain(struct link *l, int n)
{
	ck_ok(futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0));
	for (int i = 0; i < n; i++) {
		pthread_join(l[i].thread, NULL);
		ck_assert_int_eq(l[i].result, 0);
	}
	for (int i = 0; i < n; i++)
		ck_assert_uint_eq(l[i].own, 0);
	ck_assert_uint_eq(word, 0);
}

START_TEST(pi_circles_are_found)
{
	struct link l[3];

	start_chain(l, 3);
	for (int i = 0; i < 3; i++)
		ck_fails(futex(&l[i].own, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0), EDEADLK);
	ck_fails(futex(&l[2].own, FUTEX_TRYLOCK_PI_PRIVATE, 0, NULL, NULL, 0), EAGAIN);
	end_chain(l, 3);
}
END_TEST

/* Two who take each other's lock at once: at least one is told. */
static uint32_t cross[2];
static pthread_barrier_t meet;
static long told[2];

static void *
take_across(void *arg)
{
	long me = (long)arg;

	futex(&cross[me], FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	pthread_barrier_wait(&meet);
	told[me] = futex(&cross[!me], FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0) != 0 ? errno : 0;
	if (told[me] == 0)
		futex(&cross[!me], FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	futex(&cross[me], FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	return NULL;
}

START_TEST(pi_circles_that_close_at_once)
{
	pthread_t t[2];

	ck_assert_int_eq(pthread_barrier_init(&meet, NULL, 2), 0);
	for (int i = 0; i < 100; i++) {
		for (long k = 0; k < 2; k++)
			ck_assert_int_eq(pthread_create(&t[k], NULL, take_across, (void *)k), 0);
		for (int k = 0; k < 2; k++)
			ck_assert_int_eq(pthread_join(t[k], NULL), 0);
		for (int k = 0; k < 2; k++)
			ck_assert(told[k] == EDEADLK || (told[k] == 0 && told[!k] == EDEADLK));
	}
}
END_TEST

/* The priority of a thread as /proc has it: -1 - real-time priority, or 20. */
static int
priority(pid_t tid)
{
	char path[64], text[512], *p;
	int prio = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	f = fopen(path, "r");
	ck_assert(f != NULL && fgets(text, sizeof(text), f) != NULL);
	fclose(f);
	p = strrchr(text, ')');
	ck_assert_int_eq(sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %d", &prio), 1);
	return prio;
}

static void
set_rt(pid_t tid, int prio)
{
	struct sched_param p = { .sched_priority = prio };

	ck_ok(syscall(SYS_sched_setscheduler, tid, prio != 0 ? SCHED_FIFO : SCHED_OTHER, &p));
}

START_TEST(priorities_that_change_go_along_the_chain)
{
	pid_t self = (pid_t)syscall(SYS_gettid);
	struct link l[3];

	start_chain(l, 3);
	ck_assert_int_eq(priority(self), 20);
	set_rt(l[2].tid, 7);
	ck_assert_int_eq(priority(l[0].tid), -8);
	ck_assert_int_eq(priority(self), -8);
	set_rt(l[1].tid, 9);
	ck_assert_int_eq(priority(l[1].tid), -10);
	ck_assert_int_eq(priority(l[2].tid), -8);
	ck_assert_int_eq(priority(self), -10);
	set_rt(l[1].tid, 0);
	ck_assert_int_eq(priority(l[1].tid), -8);
	ck_assert_int_eq(priority(self), -8);
	set_rt(l[2].tid, 3);
	ck_assert_int_eq(priority(self), -4);
	set_rt(l[2].tid, 0);
	ck_assert_int_eq(priority(self), 20);
	end_chain(l, 3);
}
END_TEST

static volatile int order[2], arrived;

static void *
lock_in_turn(void *arg)
{
	struct link *l = arg;

	l->tid = (pid_t)syscall(SYS_gettid);
	l->locked = 1;
	futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	order[arrived++] = l->tid;
	futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	return NULL;
}

START_TEST(who_became_more_urgent_comes_first)
{
	struct link l[2] = { 0 };

	ck_ok(futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0));
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(pthread_create(&l[i].thread, NULL, lock_in_turn, &l[i]), 0);
		while (!l[i].locked)
			usleep(1000);
		usleep(30000);
	}
	set_rt(l[1].tid, 4);
	ck_ok(futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0));
	for (int i = 0; i < 2; i++)
		pthread_join(l[i].thread, NULL);
	ck_assert_int_eq(order[0], l[1].tid);
	ck_assert_int_eq(order[1], l[0].tid);
}
END_TEST

struct cond { uint32_t seq, lock; volatile int waiting, done; };

static void *
cond_waiter(void *arg)
{
	struct cond *c = arg;

	__atomic_fetch_add(&c->waiting, 1, __ATOMIC_SEQ_CST);
	if (syscall(SYS_futex, &c->seq, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, NULL, &c->lock, 0) != 0)
		return (void *)(long)errno;
	if ((c->lock & FUTEX_TID_MASK) != (uint32_t)syscall(SYS_gettid))
		return (void *)1000L;
	c->done++;
	return (void *)futex(&c->lock, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
}

START_TEST(condition_variable_with_pi_lock)
{
	struct cond c = { 0 };
	pthread_t t[3];
	void *ret;

	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, cond_waiter, &c);
	while (c.waiting < 3)
		;
	usleep(30000);
	ck_ok(futex(&c.lock, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0));
	ck_fails(futex(&c.seq, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, NUM(10), &c.lock, 1), EAGAIN);
	ck_fails(futex(&c.seq, FUTEX_CMP_REQUEUE_PI_PRIVATE, 2, NUM(10), &c.lock, 0), EINVAL);
	ck_assert_int_eq(futex(&c.seq, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, NUM(10), &c.lock, 0), 3);
	usleep(10000);
	ck_assert_int_eq(c.done, 0);
	ck_ok(futex(&c.lock, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0));
	for (int i = 0; i < 3; i++) {
		pthread_join(t[i], &ret);
		ck_assert_int_eq((long)ret, 0);
	}
	ck_assert_int_eq(c.done, 3);
}
END_TEST

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static long total;

static void *
adder(void *arg)
{
	for (int i = 0; i < 20000; i++) {
		pthread_mutex_lock(&mutex);
		total++;
		pthread_mutex_unlock(&mutex);
	}
	pthread_mutex_lock(&mutex);
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&mutex);
	return NULL;
}

START_TEST(pthread_mutexes_hold)
{
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, adder, NULL), 0);
	pthread_mutex_lock(&mutex);
	while (total < 80000)
		pthread_cond_wait(&cond, &mutex);
	pthread_mutex_unlock(&mutex);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	ck_assert_int_eq(total, 80000);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("proc_futex");
	TCase *core = tcase_create("core");

	tcase_add_test(core, arguments_are_checked);
	tcase_add_test(core, time_outs);
	tcase_add_test(core, wake_wakes_so_many);
	tcase_add_test(core, bit_sets_choose);
	tcase_add_test(core, requeue_moves);
	tcase_add_test(core, wake_op_changes_and_wakes);
	tcase_add_test(core, shared_memory_across_processes);
	tcase_add_test(core, requeue_to_memory_that_goes);
	tcase_add_test(core, signals_interrupt);
	tcase_add_test(core, robust_locks_are_marked);
	tcase_add_test(core, robust_waiter_is_woken);
	tcase_add_test(core, looping_robust_list_ends);
	tcase_add_test(core, pi_lock_and_unlock);
	tcase_add_test(core, pi_errors);
	tcase_add_test(core, pi_owner_dies);
	tcase_add_test(core, pi_circles_are_found);
	tcase_add_test(core, pi_circles_that_close_at_once);
	tcase_add_test(core, priorities_that_change_go_along_the_chain);
	tcase_add_test(core, who_became_more_urgent_comes_first);
	tcase_add_test(core, condition_variable_with_pi_lock);
	tcase_add_test(core, pthread_mutexes_hold);
	suite_add_tcase(suite, core);
	return guest_run(suite);
}
