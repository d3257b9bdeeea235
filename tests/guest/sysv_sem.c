/* SPDX-License-Identifier: BSD-2-Clause */
/* semget(2), semop(2), semtimedop(2), semctl(2). */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/mman.h>
#include <sys/sem.h>

#include "ipc.h"

#define KEY		0x5e3a
#define HEAD		"       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n"
#define SEM_LIMITS	"/proc/sys/kernel/sem"
#ifndef SEM_STAT_ANY
#define SEM_STAT_ANY	20
#endif

union arg { int val; struct semid_ds *ds; unsigned short *array; struct seminfo *info; void *p; };

static int
make(int n)
{
	return (int)ck_ok(semget(IPC_PRIVATE, n, 0600));
}

static void
destroy(int id)
{
	ck_ok(semctl(id, 0, IPC_RMID));
}

static int
op1(int id, int num, int op, int flags)
{
	struct sembuf b = { (unsigned short)num, (short)op, (short)flags };

	return semop(id, &b, 1);
}

static int
value(int id, int num)
{
	return (int)ck_ok(semctl(id, num, GETVAL));
}

static int
set(int id, int num, int val)
{
	return semctl(id, num, SETVAL, (union arg){ .val = val });
}

static void
wait_count(int id, int num, int cmd, int n)
{
	while (ck_ok(semctl(id, num, cmd)) != n)
		usleep(1000);
}

START_TEST(keys_and_ids)
{
	int a = make(1), b;

	ck_fails(semget(KEY, 1, 0600), ENOENT);
	b = (int)ck_ok(semget(KEY, 3, 0600 | IPC_CREAT));
	ck_assert_int_ne(a, b);
	ck_assert_int_eq(semget(KEY, 0, 0), b);
	ck_assert_int_eq(semget(KEY, 2, 0600 | IPC_CREAT), b);
	ck_fails(semget(KEY, 1, 0600 | IPC_CREAT | IPC_EXCL), EEXIST);
	ck_fails(semget(KEY, 4, 0600), EINVAL);
	ck_fails(semget(KEY + 1, 0, 0600 | IPC_CREAT), EINVAL);
	ck_fails(semget(KEY + 1, -1, 0600 | IPC_CREAT), EINVAL);
	ck_fails(semget(KEY + 1, 32001, 0600 | IPC_CREAT), EINVAL);
	destroy(a);
	destroy(b);
	ck_fails(semget(KEY, 0, 0), ENOENT);
	ck_fails(semctl(b, 0, IPC_RMID), EINVAL);
	a = make(32000);
	ck_ok(set(a, 31999, 7));
	ck_assert_int_eq(value(a, 31999), 7);
	destroy(a);
}
END_TEST

START_TEST(operations_are_checked)
{
	int id = make(2);
	struct sembuf b[501] = { { 0 } };
	struct timespec bad = { 0, 1000000000 }, negative = { -1, 0 };

	ck_fails(semop(id, b, 0), EINVAL);
	ck_fails(semop(-1, b, 1), EINVAL);
	ck_fails(semop(id + 32768, b, 1), EINVAL);
	ck_fails(semop(id, b, 501), E2BIG);
	ck_ok(semop(id, b, 500));
	ck_fails(semop(id, BAD_ADDRESS, 1), EFAULT);
	ck_fails(op1(id, 2, 1, 0), EFBIG);
	ck_fails(semtimedop(id, b, 1, &bad), EINVAL);
	ck_fails(semtimedop(id, b, 1, &negative), EINVAL);
	ck_fails(semtimedop(id, b, 1, BAD_ADDRESS), EFAULT);
	ck_ok(op1(id, 0, 32767, 0));
	ck_fails(op1(id, 0, 1, 0), ERANGE);
	ck_assert_int_eq(value(id, 0), 32767);
	destroy(id);
}
END_TEST

START_TEST(all_or_nothing)
{
	int id = make(3);
	struct sembuf take[] = { { 0, -1, 0 }, { 1, -2, IPC_NOWAIT } }, both[] = { { 0, 2, 0 }, { 0, -1, IPC_NOWAIT }, { 2, 0, 0 } };
	struct sembuf over[] = { { 0, -1, 0 }, { 1, 1, 0 }, { 2, 32767, 0 }, { 2, 1, 0 } };

	ck_ok(set(id, 0, 1));
	ck_ok(set(id, 1, 1));
	ck_fails(semop(id, take, 2), EAGAIN);
	ck_assert_int_eq(value(id, 0), 1);
	ck_ok(op1(id, 1, 1, 0));
	ck_ok(semop(id, take, 2));
	ck_assert_int_eq(value(id, 0), 0);
	ck_assert_int_eq(value(id, 1), 0);
	ck_ok(semop(id, both, 3));		/* one by one, in order */
	ck_assert_int_eq(value(id, 0), 1);
	ck_fails(semop(id, over, 4), ERANGE);
	ck_assert_int_eq(value(id, 0), 1);
	ck_assert_int_eq(value(id, 1), 0);
	ck_assert_int_eq(value(id, 2), 0);
	ck_fails(op1(id, 0, 0, IPC_NOWAIT), EAGAIN);
	ck_fails(op1(id, 0, -2, IPC_NOWAIT), EAGAIN);
	destroy(id);
}
END_TEST

START_TEST(waits_for_more_and_for_zero)
{
	int id = make(2);
	pid_t a, b;

	ck_ok(set(id, 1, 1));
	a = ipc_child(MUST(op1(id, 0, -3, 0) == 0));
	b = ipc_child(MUST(op1(id, 1, 0, 0) == 0));
	wait_count(id, 0, GETNCNT, 1);
	wait_count(id, 1, GETZCNT, 1);
	ck_assert_int_eq(semctl(id, 0, GETZCNT), 0);
	ck_assert_int_eq(semctl(id, 1, GETNCNT), 0);
	ck_ok(op1(id, 0, 2, 0));
	ipc_asleep(a);
	ck_assert_int_eq(value(id, 0), 2);
	ck_ok(op1(id, 0, 2, 0));
	ck_ok(op1(id, 1, -1, 0));
	ipc_wait(a);
	ipc_wait(b);
	ck_assert_int_eq(value(id, 0), 1);
	ck_assert_int_eq(semctl(id, 0, GETPID), a);
	ck_assert_int_eq(semctl(id, 1, GETPID), b);
	ck_assert_int_eq(semctl(id, 0, GETNCNT), 0);
	ck_assert_int_eq(semctl(id, 1, GETZCNT), 0);
	destroy(id);
}
END_TEST

START_TEST(first_come_first_served)
{
	int id = make(1), *order = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid[4];

	for (int i = 0; i < 4; i++) {
		pid[i] = ipc_child({
			MUST(op1(id, 0, -1, 0) == 0);
			order[0]++;
			order[order[0]] = i;
		});
		wait_count(id, 0, GETNCNT, i + 1);
	}
	for (int i = 0; i < 4; i++) {
		ck_ok(op1(id, 0, 1, 0));
		ipc_wait(pid[i]);
		ck_assert_int_eq(order[0], i + 1);
		ck_assert_int_eq(order[i + 1], i);
	}
	ck_assert_int_eq(value(id, 0), 0);
	destroy(id);
}
END_TEST

/* One that goes on lets another go on, in one go. */
START_TEST(chains_are_followed)
{
	int id = make(4);
	pid_t pid[3];

	for (int i = 0; i < 3; i++) {
		pid[i] = ipc_child({
			struct sembuf b[] = { { (unsigned short)i, -1, 0 }, { (unsigned short)(i + 1), 1, 0 } };
			MUST(semop(id, b, 2) == 0);
		});
		wait_count(id, i, GETNCNT, 1);
	}
	ck_ok(op1(id, 0, 1, 0));
	ck_assert_int_eq(value(id, 3), 1);
	for (int i = 0; i < 3; i++)
		ipc_wait(pid[i]);
	pid[0] = ipc_child({
		struct sembuf b[] = { { 0, -1, 0 }, { 1, -1, 0 }, { 2, -1, IPC_NOWAIT } };
		MUST(semop(id, b, 3) == -1 && errno == EAGAIN);		/* found out only when it could go on */
	});
	wait_count(id, 0, GETNCNT, 1);
	ck_ok(op1(id, 0, 1, 0));
	wait_count(id, 1, GETNCNT, 1);					/* now it is another that blocks */
	ck_assert_int_eq(semctl(id, 0, GETNCNT), 0);
	ck_ok(op1(id, 1, 1, 0));
	ipc_wait(pid[0]);
	ck_assert_int_eq(value(id, 0), 1);
	ck_assert_int_eq(value(id, 1), 1);
	destroy(id);
}
END_TEST

START_TEST(sleep_ends_early)
{
	int id = make(1);
	pid_t pid = ipc_child({
		ipc_catch(SIGUSR1);
		MUST(op1(id, 0, -1, 0) == -1 && errno == EINTR);
	});

	wait_count(id, 0, GETNCNT, 1);
	kill(pid, SIGUSR1);
	ipc_wait(pid);
	ck_assert_int_eq(semctl(id, 0, GETNCNT), 0);
	pid = ipc_child({
		struct sembuf b = { 0, -1, SEM_UNDO };
		struct timespec ts = { 100, 0 };
		ipc_catch(SIGUSR1);
		MUST(semtimedop(id, &b, 1, &ts) == -1 && errno == EINTR);
	});
	wait_count(id, 0, GETNCNT, 1);
	kill(pid, SIGUSR1);
	ipc_wait(pid);
	pid = ipc_child({
		struct sembuf b = { 0, -1, 0 };
		struct timespec ts = { 0, 30000000 };
		struct timespec t0;
		struct timespec t1;
		clock_gettime(CLOCK_MONOTONIC, &t0);
		MUST(semtimedop(id, &b, 1, &ts) == -1 && errno == EAGAIN);
		clock_gettime(CLOCK_MONOTONIC, &t1);
		MUST((t1.tv_sec - t0.tv_sec) * 1000000000 + t1.tv_nsec - t0.tv_nsec >= 30000000);
		b.sem_op = 1;
		MUST(semtimedop(id, &b, 1, &ts) == 0);
	});
	ipc_wait(pid);
	ck_assert_int_eq(value(id, 0), 1);
	pid = ipc_child(MUST(op1(id, 0, -2, 0) == -1 && errno == EIDRM));
	wait_count(id, 0, GETNCNT, 1);
	destroy(id);
	ipc_wait(pid);
}
END_TEST

START_TEST(exit_undoes)
{
	int id = make(3);
	struct sembuf b[] = { { 0, 5, SEM_UNDO }, { 1, -1, SEM_UNDO }, { 2, 1, 0 } };
	pid_t pid;

	ck_ok(set(id, 1, 1));
	ipc_wait(ipc_child({
		MUST(semop(id, b, 3) == 0);
		MUST(semctl(id, 0, GETVAL) == 5);
		pid_t c = fork();		/* has no undo of its own */
		if (c == 0)
			_exit(0);
		MUST(waitpid(c, NULL, 0) == c);
		MUST(semctl(id, 0, GETVAL) == 5);
		MUST(op1(id, 0, -1, SEM_UNDO) == 0);
	}));
	ck_assert_int_eq(value(id, 0), 0);
	ck_assert_int_eq(value(id, 1), 1);
	ck_assert_int_eq(value(id, 2), 1);
	ipc_wait(ipc_child({			/* no value goes below 0 */
		MUST(op1(id, 0, 5, SEM_UNDO) == 0);
		MUST(op1(id, 0, -3, 0) == 0);
	}));
	ck_assert_int_eq(value(id, 0), 0);
	ipc_wait(ipc_child({			/* SETVAL forgets, of that one alone */
		MUST(op1(id, 0, 5, SEM_UNDO) == 0);
		MUST(op1(id, 2, 2, SEM_UNDO) == 0);
		MUST(set(id, 0, 9) == 0);
	}));
	ck_assert_int_eq(value(id, 0), 9);
	ck_assert_int_eq(value(id, 2), 1);
	ipc_wait(ipc_child({
		unsigned short all[] = { 1, 2, 3 };
		MUST(op1(id, 0, 5, SEM_UNDO) == 0);
		MUST(semctl(id, 0, SETALL, (union arg){ .array = all }) == 0);
	}));
	ck_assert_int_eq(value(id, 0), 1);
	pid = ipc_child({			/* what it took and gives back lets another go on */
		MUST(op1(id, 0, -1, SEM_UNDO) == 0);
		pause();
	});
	while (value(id, 0) != 0)
		usleep(1000);
	ipc_wait(ipc_child({
		pid_t me = getpid();
		pid_t c = fork();
		if (c == 0) {
			while (semctl(id, 0, GETNCNT) != 1)
				usleep(1000);
			kill(pid, SIGKILL);
			_exit(0);
		}
		MUST(op1(id, 0, -1, 0) == 0);
		MUST(semctl(id, 0, GETPID) == me);
		MUST(waitpid(c, NULL, 0) == c);
	}));
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	destroy(id);
}
END_TEST

START_TEST(undo_has_bounds)
{
	int id = make(1);

	ipc_wait(ipc_child({
		MUST(op1(id, 0, 32767, SEM_UNDO) == 0);
		MUST(op1(id, 0, -32767, 0) == 0);
		MUST(op1(id, 0, 1, SEM_UNDO) == 0);		/* -32768 is in range */
		MUST(op1(id, 0, 1, SEM_UNDO) == -1 && errno == ERANGE);
		MUST(op1(id, 0, 1, 0) == 0);
	}));
	ck_assert_int_eq(value(id, 0), 0);
	ipc_wait(ipc_child({			/* a set that went takes its undos along */
		MUST(op1(id, 0, 3, SEM_UNDO) == 0);
		MUST(semctl(id, 0, IPC_RMID) == 0);
	}));
}
END_TEST

static void *
add_with_undo(void *arg)
{
	(void)op1(*(int *)arg, 0, 4, SEM_UNDO);
	return NULL;
}

static int
add_in_clone(void *arg)
{
	add_with_undo(arg);
	return 0;
}

START_TEST(threads_share_undos)
{
	int id = make(1);

	ipc_wait(ipc_child({
		pthread_t t;
		static char stack[65536] __attribute__((aligned(16)));
		int shared = id;
		pid_t c;
		MUST(op1(id, 0, 1, SEM_UNDO) == 0);
		MUST(pthread_create(&t, NULL, add_with_undo, &shared) == 0);
		MUST(pthread_join(t, NULL) == 0);
		MUST(semctl(id, 0, GETVAL) == 5);	/* the thread's end undid nothing */
		c = clone(add_in_clone, stack + sizeof(stack), CLONE_SYSVSEM | SIGCHLD, &shared);
		MUST(c > 0 && waitpid(c, NULL, 0) == c);
		MUST(semctl(id, 0, GETVAL) == 9);
		c = clone(add_in_clone, stack + sizeof(stack), SIGCHLD, &shared);
		MUST(c > 0 && waitpid(c, NULL, 0) == c);
		MUST(semctl(id, 0, GETVAL) == 9);
	}));
	ck_assert_int_eq(value(id, 0), 0);
	ipc_wait(ipc_child({			/* exec keeps them */
		MUST(op1(id, 0, 6, SEM_UNDO) == 0);
		char text[16];
		snprintf(text, sizeof(text), "%d", id);
		execl("/proc/self/exe", "sysv_sem", "is6", text, NULL);
		_exit(9);
	}));
	ck_assert_int_eq(value(id, 0), 0);
	destroy(id);
}
END_TEST

START_TEST(undos_are_unshared)
{
	int id = make(1);

	ipc_wait(ipc_child({
		MUST(op1(id, 0, 3, SEM_UNDO) == 0);
		MUST(unshare(CLONE_SYSVSEM) == 0);
		MUST(semctl(id, 0, GETVAL) == 0);	/* it was alone with it: undone */
		MUST(op1(id, 0, 2, SEM_UNDO) == 0);
	}));
	ck_assert_int_eq(value(id, 0), 0);
	destroy(id);
}
END_TEST

START_TEST(values_are_set)
{
	int id = make(3);
	unsigned short in[] = { 1, 32767, 3 }, out[3] = { 0 }, big[] = { 0, 32768, 0 };
	pid_t pid;

	ck_ok(semctl(id, 0, SETALL, (union arg){ .array = in }));
	ck_ok(semctl(id, 0, GETALL, (union arg){ .array = out }));
	ck_assert(memcmp(in, out, sizeof(in)) == 0);
	ck_fails(semctl(id, 0, SETALL, (union arg){ .array = big }), ERANGE);
	ck_fails(semctl(id, 0, SETALL, (union arg){ .p = BAD_ADDRESS }), EFAULT);
	ck_fails(semctl(id, 0, GETALL, (union arg){ .p = BAD_ADDRESS }), EFAULT);
	ck_fails(set(id, 0, 32768), ERANGE);
	ck_fails(set(id, 0, -1), ERANGE);
	ck_fails(set(id, 3, 1), EINVAL);
	ck_fails(set(id, -1, 1), EINVAL);
	ck_fails(semctl(id, 3, GETVAL), EINVAL);
	ck_fails(semctl(id, -1, GETPID), EINVAL);
	ck_fails(semctl(id, 0, 77), EINVAL);
	ck_fails(semctl(-1, 0, GETVAL), EINVAL);
	ck_fails(semctl(id + 32768, 0, GETVAL), EINVAL);
	ck_assert_int_eq(semctl(id, 0, GETPID), getpid());
	pid = ipc_child(MUST(op1(id, 0, -10, 0) == 0));
	wait_count(id, 0, GETNCNT, 1);
	ck_ok(set(id, 0, 10));
	ipc_wait(pid);
	pid = ipc_child(MUST(op1(id, 2, -10, 0) == 0));
	wait_count(id, 2, GETNCNT, 1);
	in[2] = 11;
	ck_ok(semctl(id, 0, SETALL, (union arg){ .array = in }));
	ipc_wait(pid);
	ck_assert_int_eq(value(id, 2), 1);
	destroy(id);
}
END_TEST

START_TEST(stat_and_set)
{
	time_t before = time(NULL) - 1;
	int id = (int)ck_ok(semget(KEY, 2, 0640 | IPC_CREAT));
	struct semid_ds ds;

	ck_ok(semctl(id, 0, IPC_STAT, (union arg){ .ds = &ds }));
	ck_assert_int_eq(ds.sem_nsems, 2);
	ck_assert_int_eq(ds.sem_otime, 0);
	ck_assert(ds.sem_ctime >= before);
	ck_assert_int_eq(ds.sem_perm.mode, 0640);
	ck_ok(op1(id, 0, 1, 0));
	ck_ok(semctl(id, 0, IPC_STAT, (union arg){ .ds = &ds }));
	ck_assert(ds.sem_otime >= before);
	ds.sem_perm.uid = 1000;
	ds.sem_perm.mode = 0404;
	ck_ok(semctl(id, 0, IPC_SET, (union arg){ .ds = &ds }));
	ck_fails(semctl(id, 0, IPC_SET, (union arg){ .p = BAD_ADDRESS }), EFAULT);
	ck_fails(semctl(id, 0, IPC_STAT, (union arg){ .p = BAD_ADDRESS }), EFAULT);
	ipc_wait(ipc_child({
		MUST(setgid(7) == 0 && setuid(1001) == 0);
		MUST(semctl(id, 0, GETVAL) == 1);
		MUST(set(id, 0, 2) == -1 && errno == EACCES);
		MUST(op1(id, 0, 1, 0) == -1 && errno == EACCES);
		MUST(op1(id, 1, 0, 0) == 0);				/* reading */
		MUST(semctl(id, 0, IPC_RMID) == -1 && errno == EPERM);
		MUST(semctl(id, 0, IPC_SET, (union arg){ .ds = &ds }) == -1 && errno == EPERM);
		MUST(semget(KEY, 0, 0600) == -1 && errno == EACCES);
		unsigned short all[2];
		MUST(semctl(id, 0, GETALL, (union arg){ .array = all }) == 0);
		MUST(semctl(id, 0, SETALL, (union arg){ .array = all }) == -1 && errno == EACCES);
	}));
	ds.sem_perm.mode = 0;
	ck_ok(semctl(id, 0, IPC_SET, (union arg){ .ds = &ds }));
	ipc_wait(ipc_child({
		MUST(setgid(7) == 0 && setuid(1001) == 0);
		MUST(semctl(id, 0, GETVAL) == -1 && errno == EACCES);
		MUST(op1(id, 1, 0, 0) == -1 && errno == EACCES);
		MUST(semctl(id, 0, IPC_STAT, (union arg){ .ds = &ds }) == -1 && errno == EACCES);
	}));
	destroy(id);
}
END_TEST

START_TEST(info_tells)
{
	int id = make(7), index = -1, top;
	struct seminfo info;
	struct semid_ds ds;

	top = (int)ck_ok(semctl(0, 0, IPC_INFO, (union arg){ .info = &info }));
	ck_assert_int_eq(info.semmni, 32000);
	ck_assert_int_eq(info.semmsl, 32000);
	ck_assert_int_eq(info.semmns, 1024000000);
	ck_assert_int_eq(info.semopm, 500);
	ck_assert_int_eq(info.semvmx, 32767);
	ck_assert_int_eq(info.semaem, 32767);
	ck_assert_int_eq(info.semusz, 20);
	ck_assert_int_eq(info.semmap, 1024000000);
	ck_assert_int_eq(info.semmnu, 1024000000);
	ck_assert_int_eq(info.semume, 500);
	ck_assert_int_eq(semctl(0, 0, SEM_INFO, (union arg){ .info = &info }), top);
	ck_assert_int_eq(info.semusz, 1);
	ck_assert_int_eq(info.semaem, 7);
	for (int i = 0; i <= top && index < 0; i++)
		if (semctl(i, 0, SEM_STAT, (union arg){ .ds = &ds }) == id)
			index = i;
	ck_assert_int_ge(index, 0);
	ck_assert_int_eq(ds.sem_nsems, 7);
	ck_fails(semctl(index + 1, 0, SEM_STAT, (union arg){ .ds = &ds }), EINVAL);
	ck_fails(semctl(0, 0, IPC_INFO, (union arg){ .p = BAD_ADDRESS }), EFAULT);
	ipc_wait(ipc_child({
		MUST(setuid(1000) == 0);
		MUST(semctl(index, 0, SEM_STAT, (union arg){ .ds = &ds }) == -1 && errno == EACCES);
		MUST(semctl(index, 0, SEM_STAT_ANY, (union arg){ .ds = &ds }) == id);
	}));
	destroy(id);
}
END_TEST

START_TEST(limits_end_it)
{
	char text[128];
	int id[4], n;

	ipc_read(SEM_LIMITS, text, sizeof(text));
	ck_assert_str_eq(text, "32000\t1024000000\t500\t32000\n");
	ipc_write(SEM_LIMITS, "32000 1024000000 500 3");
	for (n = 0; n < 4 && (id[n] = semget(IPC_PRIVATE, 1, 0600)) >= 0; n++)
		;
	ck_assert_int_eq(errno, ENOSPC);
	ipc_write(SEM_LIMITS, "32000 10 2 32000");
	ck_assert_int_eq(n, 3);
	ck_fails(semget(IPC_PRIVATE, 8, 0600), ENOSPC);		/* 11 in all */
	ck_ok(id[3] = semget(IPC_PRIVATE, 7, 0600));
	ck_fails(semop(id[0], (struct sembuf[3]){ { 0 } }, 3), E2BIG);
	ipc_write(SEM_LIMITS, "32000 1024000000 500 32000");
	for (n = 0; n < 4; n++)
		destroy(id[n]);
}
END_TEST

/* Tokens go round between semaphores by several processes; none is lost, and all come to rest. */
START_TEST(storm)
{
	enum { SEMS = 5, PROCS = 6, TOKENS = 4 };
	int id = make(SEMS), total = 0;
	pid_t pid[PROCS];

	for (int i = 0; i < SEMS; i++)
		ck_ok(set(id, i, TOKENS));
	for (int i = 0; i < PROCS; i++)
		pid[i] = ipc_child({
			unsigned int seed = (unsigned int)i + 1;
			for (int n = 0; n < 1500; n++) {
				unsigned short a = (unsigned short)(rand_r(&seed) % SEMS);
				unsigned short b = (unsigned short)(rand_r(&seed) % SEMS);
				struct sembuf get[] = { { a, -1, SEM_UNDO }, { b, -1, SEM_UNDO } };
				struct sembuf give[] = { { a, 1, SEM_UNDO }, { b, 1, SEM_UNDO } };
				MUST(semop(id, get, 2) == 0);
				if (n % 16 == 0)
					sched_yield();
				if (n != 1499)			/* the last ones are given back by the end */
					MUST(semop(id, give, 2) == 0);
			}
		});
	for (int i = 0; i < PROCS; i++)
		ipc_wait(pid[i]);
	for (int i = 0; i < SEMS; i++) {
		total += value(id, i);
		ck_assert_int_eq(semctl(id, i, GETNCNT), 0);
	}
	ck_assert_int_eq(total, SEMS * TOKENS);
	destroy(id);
}
END_TEST

/* Waiters meet a set that is removed under them, again and again. */
START_TEST(removal_storm)
{
	for (int n = 0; n < 40; n++) {
		int id = make(2);
		pid_t pid[3];

		for (int i = 0; i < 3; i++)
			pid[i] = ipc_child({
				while (op1(id, i % 2, i == 2 ? 1 : -1, SEM_UNDO) == 0)
					;
				MUST(errno == EIDRM || errno == EINVAL || errno == ERANGE);
			});
		usleep((useconds_t)(n * 50));
		destroy(id);
		for (int i = 0; i < 3; i++)
			ipc_wait(pid[i]);
	}
}
END_TEST

START_TEST(table_is_listed)
{
	static char text[8192];
	int id, key, shown;
	unsigned int mode, nsems;

	ck_assert_int_eq(ipc_lines("/proc/sysvipc/sem", HEAD), 0);	/* nothing is left of all the tests */
	id = (int)ck_ok(semget(KEY, 9, 0604 | IPC_CREAT));
	ck_assert_int_eq(ipc_lines("/proc/sysvipc/sem", HEAD), 1);
	ipc_read("/proc/sysvipc/sem", text, sizeof(text));
	ck_assert_int_eq(sscanf(text + strlen(HEAD), "%d %d %o %u 0 0 0 0 0 ", &key, &shown, &mode, &nsems), 4);
	ck_assert(key == KEY && shown == id && mode == 0604 && nsems == 9);
	destroy(id);
	ck_assert_int_eq(ipc_lines("/proc/sysvipc/sem", HEAD), 0);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("sysv_sem");
	TCase *t = tcase_create("core");

	if (argc > 2 && strcmp(argv[1], "is6") == 0)
		return semctl(atoi(argv[2]), 0, GETVAL) != 6;
	tcase_set_timeout(t, 100);
	tcase_add_test(t, keys_and_ids);
	tcase_add_test(t, operations_are_checked);
	tcase_add_test(t, all_or_nothing);
	tcase_add_test(t, waits_for_more_and_for_zero);
	tcase_add_test(t, first_come_first_served);
	tcase_add_test(t, chains_are_followed);
	tcase_add_test(t, sleep_ends_early);
	tcase_add_test(t, exit_undoes);
	tcase_add_test(t, undo_has_bounds);
	tcase_add_test(t, threads_share_undos);
	tcase_add_test(t, undos_are_unshared);
	tcase_add_test(t, values_are_set);
	tcase_add_test(t, stat_and_set);
	tcase_add_test(t, info_tells);
	tcase_add_test(t, limits_end_it);
	tcase_add_test(t, storm);
	tcase_add_test(t, removal_storm);
	tcase_add_test(t, table_is_listed);
	suite_add_tcase(s, t);
	return guest_run(s);
}
