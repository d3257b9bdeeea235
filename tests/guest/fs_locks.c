/* SPDX-License-Identifier: BSD-2-Clause */
/* File locks between processes: fcntl(2) record locks, open file description locks, flock(2). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "guest.h"

#define F "/tmp/fs_locks"

#ifndef F_OFD_SETLK
#define F_OFD_GETLK	36
#define F_OFD_SETLK	37
#define F_OFD_SETLKW	38
#endif

static int fd;

static void
setup(void)
{
	unlink(F);
	fd = ck_ok(open(F, O_RDWR | O_CREAT, 0644));
	ck_ok(ftruncate(fd, 1000));
}

static int
lock_on(int f, int cmd, int type, long start, long len)
{
	struct flock fl = { .l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };

	return fcntl(f, cmd, &fl);
}

static int
lock(int type, long start, long len)
{
	return lock_on(fd, F_SETLK, type, start, len);
}

/* In another process: what F_GETLK says about [start, start+len) for a write lock, as "type start len". */
static void
ask(long start, long len, struct flock *out)
{
	int p[2], status;

	ck_ok(pipe(p));
	if (fork() == 0) {
		struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = len };

		if (fcntl(fd, F_GETLK, &fl) != 0)
			_exit(1);
		(void)!write(p[1], &fl, sizeof(fl));
		_exit(0);
	}
	ck_assert_int_eq(read(p[0], out, sizeof(*out)), sizeof(*out));
	close(p[0]);
	close(p[1]);
	wait(&status);
	ck_assert_int_eq(status, 0);
}

static void
check(long at, int type, long start, long len)
{
	struct flock fl;

	ask(at, 1, &fl);
	ck_assert_int_eq(fl.l_type, type);
	if (type == F_UNLCK)
		return;
	ck_assert_int_eq(fl.l_start, start);
	ck_assert_int_eq(fl.l_len, len);
	ck_assert_int_eq(fl.l_pid, getpid());
	ck_assert_int_eq(fl.l_whence, SEEK_SET);
}

START_TEST(ranges_split_and_merge)
{
	ck_ok(lock(F_WRLCK, 100, 100));
	check(150, F_WRLCK, 100, 100);
	ck_ok(lock(F_UNLCK, 140, 20));
	check(120, F_WRLCK, 100, 40);
	check(150, F_UNLCK, 0, 0);
	check(180, F_WRLCK, 160, 40);
	ck_ok(lock(F_RDLCK, 150, 100));
	check(180, F_RDLCK, 150, 100);
	ck_ok(lock(F_RDLCK, 140, 10));
	check(145, F_RDLCK, 140, 110);
	ck_ok(lock(F_WRLCK, 0, 0));
	check(5000, F_WRLCK, 0, 0);
	ck_ok(lock(F_UNLCK, 10, 0));
	check(5, F_WRLCK, 0, 10);
	check(10, F_UNLCK, 0, 0);
}
END_TEST

START_TEST(bad_requests)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = -1 };
	int ro = ck_ok(open(F, O_RDONLY)), wo = ck_ok(open(F, O_WRONLY));

	ck_fails(fcntl(fd, F_SETLK, &fl), EINVAL);
	fl = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 5, .l_len = -10 };
	ck_fails(fcntl(fd, F_SETLK, &fl), EINVAL);
	fl = (struct flock){ .l_type = 7, .l_whence = SEEK_SET };
	ck_fails(fcntl(fd, F_SETLK, &fl), EINVAL);
	fl = (struct flock){ .l_type = F_WRLCK, .l_whence = 9 };
	ck_fails(fcntl(fd, F_SETLK, &fl), EINVAL);
	fl = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0x7fffffffffffffff, .l_len = 2 };
	ck_fails(fcntl(fd, F_SETLK, &fl), EOVERFLOW);
	ck_fails(fcntl(fd, F_SETLK, (void *)8), EFAULT);
	ck_fails(lock_on(ro, F_SETLK, F_WRLCK, 0, 1), EBADF);
	ck_fails(lock_on(wo, F_SETLK, F_RDLCK, 0, 1), EBADF);
	ck_fails(lock_on(99, F_SETLK, F_RDLCK, 0, 1), EBADF);
	fl = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = -100, .l_len = 50 };
	ck_ok(fcntl(fd, F_SETLK, &fl));
	check(920, F_WRLCK, 900, 50);
	fl = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = -20 };
	ck_ok(fcntl(fd, F_SETLK, &fl));
	check(85, F_WRLCK, 80, 20);
	fl.l_type = F_UNLCK;
	ck_fails(fcntl(fd, F_GETLK, &fl), EINVAL);
}
END_TEST

/* A child that runs fn and tells by its status. */
static pid_t
child(int (*fn)(void))
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(fn());
	return (pid_t)ck_ok(pid);
}

static int
status_of(pid_t pid)
{
	int status;

	ck_ok(waitpid(pid, &status, 0));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

static int
try_write_lock(void)
{
	return lock(F_WRLCK, 0, 10) == 0 ? 0 : errno;
}

static int
try_read_lock(void)
{
	return lock(F_RDLCK, 0, 10) == 0 ? 0 : errno;
}

static int
wait_write_lock(void)
{
	return lock_on(fd, F_SETLKW, F_WRLCK, 0, 10) == 0 ? 0 : errno;
}

START_TEST(locks_exclude_other_processes)
{
	ck_ok(lock(F_RDLCK, 0, 10));
	ck_assert_int_eq(status_of(child(try_read_lock)), 0);
	ck_assert_int_eq(status_of(child(try_write_lock)), EAGAIN);
	ck_ok(lock(F_WRLCK, 0, 10));
	ck_assert_int_eq(status_of(child(try_read_lock)), EAGAIN);
	ck_ok(lock(F_UNLCK, 0, 10));
	ck_assert_int_eq(status_of(child(try_write_lock)), 0);
	ck_assert_int_eq(status_of(child(try_write_lock)), 0);	/* gone with its process */
}
END_TEST

START_TEST(any_close_releases)
{
	ck_ok(lock(F_WRLCK, 0, 10));
	close(ck_ok(open(F, O_RDONLY)));
	ck_assert_int_eq(status_of(child(try_write_lock)), 0);
	ck_ok(lock(F_WRLCK, 0, 10));
	close(ck_ok(dup(fd)));
	ck_assert_int_eq(status_of(child(try_write_lock)), 0);
}
END_TEST

START_TEST(waiters_get_it)
{
	pid_t a, b;

	ck_ok(lock(F_WRLCK, 0, 10));
	a = child(wait_write_lock);
	b = child(wait_write_lock);
	usleep(100000);
	ck_assert_int_eq(waitpid(a, NULL, WNOHANG), 0);
	ck_ok(lock(F_UNLCK, 0, 10));
	ck_assert_int_eq(status_of(a), 0);
	ck_assert_int_eq(status_of(b), 0);
}
END_TEST

static void
on_alarm(int sig)
{
}

static int
wait_interrupted(void)
{
	struct sigaction sa = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &sa, NULL);
	ualarm(100000, 0);
	return wait_write_lock();
}

START_TEST(a_signal_ends_the_wait)
{
	ck_ok(lock(F_WRLCK, 0, 10));
	ck_assert_int_eq(status_of(child(wait_interrupted)), EINTR);
}
END_TEST

static int
second_half(void)
{
	if (lock(F_WRLCK, 20, 1) != 0)
		return 1;
	return wait_write_lock();		/* waits for the parent */
}

START_TEST(a_deadlock_is_found)
{
	pid_t pid;

	ck_ok(lock(F_WRLCK, 0, 1));
	pid = child(second_half);
	usleep(200000);
	ck_fails(lock_on(fd, F_SETLKW, F_WRLCK, 20, 1), EDEADLK);
	ck_ok(lock(F_UNLCK, 0, 1));
	ck_assert_int_eq(status_of(pid), 0);
}
END_TEST

START_TEST(open_file_description_locks)
{
	int other = ck_ok(open(F, O_RDWR)), copy = ck_ok(dup(fd));
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 5 };

	ck_ok(lock_on(fd, F_OFD_SETLK, F_WRLCK, 0, 10));
	ck_ok(lock_on(copy, F_OFD_SETLK, F_WRLCK, 0, 10));	/* the same description */
	ck_fails(lock_on(other, F_OFD_SETLK, F_RDLCK, 0, 10), EAGAIN);
	ck_fails(lock_on(other, F_SETLK, F_RDLCK, 0, 10), EAGAIN);
	ck_ok(fcntl(other, F_OFD_GETLK, &fl));
	ck_assert_int_eq(fl.l_type, F_WRLCK);
	ck_assert_int_eq(fl.l_pid, -1);
	ck_assert_int_eq(fl.l_len, 10);
	fl = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_pid = 1 };
	ck_fails(fcntl(other, F_OFD_SETLK, &fl), EINVAL);
	close(copy);
	ck_fails(lock_on(other, F_OFD_SETLK, F_RDLCK, 0, 10), EAGAIN);
	close(fd);
	ck_ok(lock_on(other, F_OFD_SETLK, F_RDLCK, 0, 10));
	close(other);
}
END_TEST

static int
flock_inherited(void)
{
	return flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
}

static int
flock_fresh(void)
{
	int f = open(F, O_RDWR);

	return flock(f, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
}

static int
flock_wait(void)
{
	int f = open(F, O_RDWR);

	close(fd);			/* or the parent's lock would live in us */
	return flock(f, LOCK_SH) == 0 ? 0 : errno;
}

START_TEST(whole_file_locks)
{
	int other = ck_ok(open(F, O_RDONLY));
	pid_t pid;

	ck_ok(flock(fd, LOCK_SH));
	ck_ok(flock(other, LOCK_SH));
	ck_fails(flock(fd, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	ck_ok(flock(other, LOCK_UN));
	ck_ok(flock(fd, LOCK_EX | LOCK_NB));
	ck_fails(flock(other, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	ck_assert_int_eq(status_of(child(flock_inherited)), 0);
	ck_assert_int_eq(status_of(child(flock_fresh)), EWOULDBLOCK);
	ck_ok(lock(F_WRLCK, 0, 0));		/* another kind of lock altogether */
	ck_fails(flock(fd, 0), EINVAL);
	ck_fails(flock(99, LOCK_SH), EBADF);
	pid = child(flock_wait);
	usleep(100000);
	ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);
	close(fd);
	ck_assert_int_eq(status_of(pid), 0);
}
END_TEST

/* Our file's lines of /proc/locks, without number, device and inode: "POSIX ADVISORY WRITE pid 0 9". */
static void
table(char *out, size_t size)
{
	char line[256], ino[32];
	struct stat st;
	FILE *f = fopen("/proc/locks", "r");

	ck_assert_ptr_ne(f, NULL);
	ck_ok(fstat(fd, &st));
	snprintf(ino, sizeof(ino), ":%lu ", (unsigned long)st.st_ino);
	*out = '\0';
	while (fgets(line, sizeof(line), f)) {
		char *at = strstr(line, ino), *text = strchr(line, ' '), *dev;

		if (at == NULL)
			continue;
		*at = '\0';
		dev = strrchr(line, ' ');
		*dev = '\0';
		snprintf(out + strlen(out), size - strlen(out), "%s %s", text + 1, at + strlen(ino));
	}
	fclose(f);
}

static int
posix_wait(void)
{
	return lock_on(fd, F_SETLKW, F_RDLCK, 5, 2);
}

START_TEST(the_table_tells)
{
	int other = ck_ok(open(F, O_RDWR)), third = ck_ok(open(F, O_RDWR));
	char have[1024], want[1024];
	pid_t pid;

	table(have, sizeof(have));
	ck_assert_str_eq(have, "");
	ck_ok(lock(F_WRLCK, 0, 10));
	pid = child(posix_wait);
	usleep(200000);
	table(have, sizeof(have));
	snprintf(want, sizeof(want), "POSIX  ADVISORY  WRITE %d 0 9\n-> POSIX  ADVISORY  READ %d 5 6\n", getpid(), pid);
	ck_assert_str_eq(have, want);
	ck_ok(lock(F_UNLCK, 0, 10));
	ck_assert_int_eq(status_of(pid), 0);
	ck_ok(lock_on(other, F_OFD_SETLK, F_RDLCK, 7, 0));
	table(have, sizeof(have));
	ck_assert_str_eq(have, "OFDLCK ADVISORY  READ -1 7 EOF\n");
	close(other);
	ck_ok(flock(third, LOCK_EX));
	pid = child(flock_wait);
	usleep(200000);
	table(have, sizeof(have));
	snprintf(want, sizeof(want), "FLOCK  ADVISORY  WRITE %d 0 EOF\n-> FLOCK  ADVISORY  READ %d 0 EOF\n", getpid(), pid);
	ck_assert_str_eq(have, want);
	ck_ok(flock(third, LOCK_UN));
	ck_assert_int_eq(status_of(pid), 0);
	close(third);
}
END_TEST

static int
wants_first_has_second(void)
{
	if (lock(F_WRLCK, 20, 1) != 0)
		return 1;
	if (lock_on(fd, F_SETLKW, F_WRLCK, 0, 1) != 0)
		return errno;
	usleep(50000);
	return 0;
}

/* Who waited for what has just been given back does not wait for us. */
START_TEST(no_deadlock_once_given_back)
{
	pid_t pid;

	for (int i = 0; i < 5; i++) {
		ck_ok(lock(F_WRLCK, 0, 1));
		pid = child(wants_first_has_second);
		usleep(100000);
		ck_ok(lock(F_UNLCK, 0, 1));
		ck_ok(lock_on(fd, F_SETLKW, F_WRLCK, 20, 1));
		ck_assert_int_eq(status_of(pid), 0);
		ck_ok(lock(F_UNLCK, 0, 0));
	}
}
END_TEST

static int hold_at, want_at;

static int
hold_and_want(void)
{
	if (lock(F_WRLCK, hold_at, 1) != 0)
		return 1;
	return lock_on(fd, F_SETLKW, F_WRLCK, want_at, 1) == 0 ? 0 : errno;
}

START_TEST(a_circle_of_four)
{
	pid_t pid[3];

	ck_ok(lock(F_WRLCK, 3, 1));
	for (int i = 2; i >= 0; i--) {		/* i holds i and wants i + 1 */
		hold_at = i;
		want_at = i + 1;
		pid[i] = child(hold_and_want);
		usleep(100000);
	}
	ck_ok(lock(F_WRLCK, 50, 1));		/* something else happens to the file */
	ck_ok(lock(F_UNLCK, 50, 1));
	usleep(100000);
	ck_fails(lock_on(fd, F_SETLKW, F_RDLCK, 0, 1), EDEADLK);
	ck_fails(lock(F_WRLCK, 0, 1), EAGAIN);
	ck_ok(lock(F_UNLCK, 3, 1));
	for (int i = 2; i >= 0; i--)
		ck_assert_int_eq(status_of(pid[i]), 0);
}
END_TEST

static void *
lock_in_thread(void *arg)
{
	return (void *)(long)lock(F_RDLCK, 5, 1);
}

static int
ends_by_exec(void)
{
	execl("/aid/nothing", "nothing", NULL);
	return 77;
}

/* The owner is the process: its threads, not its children; replaced descriptors count as closed. */
START_TEST(whose_they_are)
{
	pthread_t t;
	void *ret;

	ck_ok(lock(F_WRLCK, 0, 10));
	ck_assert_int_eq(pthread_create(&t, NULL, lock_in_thread, NULL), 0);
	pthread_join(t, &ret);
	ck_assert_ptr_eq(ret, NULL);
	check(5, F_RDLCK, 5, 1);
	check(4, F_WRLCK, 0, 5);
	ck_assert_int_eq(status_of(child(try_read_lock)), EAGAIN);
	ck_assert_int_eq(status_of(child(ends_by_exec)), 77);
	check(4, F_WRLCK, 0, 5);
	ck_ok(dup2(ck_ok(open(F, O_RDONLY)), 50));
	check(4, F_WRLCK, 0, 5);
	ck_ok(dup2(1, 50));
	check(4, F_UNLCK, 0, 0);
}
END_TEST

static int
wait_restarted(void)
{
	struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };

	sigaction(SIGALRM, &sa, NULL);
	ualarm(50000, 50000);
	if (wait_write_lock() != 0)
		return 1;
	return lock(F_UNLCK, 0, 0) != 0 || flock_fresh() != EWOULDBLOCK ? 2 : 0;
}

static int
flock_interrupted(void)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	int f = open(F, O_RDWR);

	sigaction(SIGALRM, &sa, NULL);
	ualarm(50000, 0);
	return flock(f, LOCK_SH) == 0 ? 0 : errno;
}

START_TEST(signals)
{
	pid_t pid;

	ck_ok(lock(F_WRLCK, 0, 10));
	ck_ok(flock(fd, LOCK_EX));
	pid = child(wait_restarted);
	usleep(300000);
	ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);
	ck_ok(lock(F_UNLCK, 0, 10));
	ck_assert_int_eq(status_of(pid), 0);
	ck_assert_int_eq(status_of(child(flock_interrupted)), EINTR);
}
END_TEST

START_TEST(changes_of_flock)
{
	int a = ck_ok(open(F, O_RDONLY)), b = ck_ok(open(F, O_RDONLY));

	ck_ok(flock(a, LOCK_SH));
	ck_ok(flock(b, LOCK_SH));
	ck_fails(flock(a, LOCK_EX | LOCK_NB), EWOULDBLOCK);	/* and the shared one is lost */
	ck_ok(flock(b, LOCK_EX | LOCK_NB));
	ck_ok(flock(b, LOCK_EX | LOCK_NB));
	ck_ok(flock(b, LOCK_SH | LOCK_NB));
	ck_ok(flock(a, LOCK_SH | LOCK_NB));
	ck_fails(flock(a, LOCK_SH | LOCK_EX), EINVAL);
	ck_fails(flock(a, 16 | LOCK_SH), EINVAL);
	ck_ok(flock(b, LOCK_UN));
	ck_ok(flock(b, LOCK_UN));
}
END_TEST

static int
flock_wait_ex(void)
{
	int f = open(F, O_RDWR);

	return flock(f, LOCK_EX) == 0 ? 0 : errno;
}

/* A waiter stands behind one lock, though two are in its way. */
START_TEST(one_line_for_a_waiter)
{
	int a = ck_ok(open(F, O_RDWR)), b = ck_ok(open(F, O_RDWR));
	char have[1024], *at;
	pid_t pid;

	ck_ok(flock(a, LOCK_SH));
	ck_ok(flock(b, LOCK_SH));
	pid = fork();
	if (pid == 0) {
		close(a);
		close(b);
		_exit(flock_wait_ex());
	}
	usleep(200000);
	table(have, sizeof(have));
	at = strstr(have, "->");
	ck_assert_ptr_ne(at, NULL);
	ck_assert_ptr_eq(strstr(at + 1, "->"), NULL);
	close(a);
	close(b);
	ck_assert_int_eq(status_of(pid), 0);
	ck_ok(lock(F_WRLCK, 0, 1));
	ck_ok(lock(F_WRLCK, 5, 1));
	pid = child(posix_wait);
	usleep(200000);
	table(have, sizeof(have));
	at = strstr(have, "->");
	ck_assert_ptr_ne(at, NULL);
	ck_assert_ptr_eq(strstr(at + 1, "->"), NULL);
	ck_ok(lock(F_UNLCK, 0, 0));
	ck_assert_int_eq(status_of(pid), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("fs_locks");
	TCase *t = tcase_create("locks");

	tcase_set_timeout(t, 30);
	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, ranges_split_and_merge);
	tcase_add_test(t, bad_requests);
	tcase_add_test(t, locks_exclude_other_processes);
	tcase_add_test(t, any_close_releases);
	tcase_add_test(t, waiters_get_it);
	tcase_add_test(t, a_signal_ends_the_wait);
	tcase_add_test(t, a_deadlock_is_found);
	tcase_add_test(t, open_file_description_locks);
	tcase_add_test(t, whole_file_locks);
	tcase_add_test(t, the_table_tells);
	tcase_add_test(t, no_deadlock_once_given_back);
	tcase_add_test(t, a_circle_of_four);
	tcase_add_test(t, whose_they_are);
	tcase_add_test(t, signals);
	tcase_add_test(t, changes_of_flock);
	tcase_add_test(t, one_line_for_a_waiter);
	suite_add_tcase(s, t);
	return guest_run(s);
}
