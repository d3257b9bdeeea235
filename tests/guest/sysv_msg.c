/* SPDX-License-Identifier: BSD-2-Clause */
/* msgget(2), msgsnd(2), msgrcv(2), msgctl(2). */
#define _GNU_SOURCE
#include <limits.h>
#include <sys/mman.h>
#include <sys/msg.h>

#include "ipc.h"

#define KEY	0x3e55a6e
#define HEAD	"       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime" \
		"      ctime\n"
#define KERNEL	"/proc/sys/kernel/"
#ifndef MSG_COPY
#define MSG_COPY	040000
#endif
#ifndef MSG_STAT_ANY
#define MSG_STAT_ANY	13
#endif

struct message { long type; char text[8192]; };

static int
make(void)
{
	return (int)ck_ok(msgget(IPC_PRIVATE, 0600));
}

static void
destroy(int id)
{
	ck_ok(msgctl(id, IPC_RMID, NULL));
}

static struct msqid_ds
stat_of(int id)
{
	struct msqid_ds ds;

	ck_ok(msgctl(id, IPC_STAT, &ds));
	return ds;
}

static int
put(int id, long type, size_t len, int flags)
{
	static struct message m;

	m.type = type;
	memset(m.text, 'a' + (int)(type & 15), len);
	return msgsnd(id, &m, len, flags);
}

/* The type of the message received, or -1. */
static long
take(int id, long type, int flags)
{
	static struct message m;
	ssize_t n = msgrcv(id, &m, sizeof(m.text), type, flags);

	return n < 0 ? -1 : m.type;
}

START_TEST(keys_and_ids)
{
	int a = make(), b;

	ck_fails(msgget(KEY, 0600), ENOENT);
	b = (int)ck_ok(msgget(KEY, 0600 | IPC_CREAT));
	ck_assert_int_ne(a, b);
	ck_assert_int_eq(msgget(KEY, 0), b);
	ck_assert_int_eq(msgget(KEY, 0600 | IPC_CREAT), b);
	ck_fails(msgget(KEY, 0600 | IPC_CREAT | IPC_EXCL), EEXIST);
	destroy(a);
	destroy(b);
	ck_fails(msgget(KEY, 0), ENOENT);
	ck_fails(msgctl(b, IPC_RMID, NULL), EINVAL);
}
END_TEST

START_TEST(messages_go_by)
{
	int id = make();
	struct message m = { 5, "five" };
	struct msqid_ds ds;
	time_t before = time(NULL) - 1;

	ck_ok(msgsnd(id, &m, 5, 0));
	m.type = 7;
	ck_ok(msgsnd(id, &m, 0, 0));
	ds = stat_of(id);
	ck_assert_int_eq(ds.msg_qnum, 2);
	ck_assert_int_eq(ds.msg_cbytes, 5);
	ck_assert_int_eq(ds.msg_qbytes, 16384);
	ck_assert_int_eq(ds.msg_lspid, getpid());
	ck_assert_int_eq(ds.msg_lrpid, 0);
	ck_assert_int_eq(ds.msg_rtime, 0);
	ck_assert(ds.msg_stime >= before && ds.msg_ctime >= before);
	memset(&m, 0, sizeof(m));
	ck_assert_int_eq(msgrcv(id, &m, 100, 0, 0), 5);
	ck_assert_int_eq(m.type, 5);
	ck_assert_str_eq(m.text, "five");
	ck_assert_int_eq(msgrcv(id, &m, 0, 0, 0), 0);
	ck_assert_int_eq(m.type, 7);
	ds = stat_of(id);
	ck_assert_int_eq(ds.msg_qnum, 0);
	ck_assert_int_eq(ds.msg_cbytes, 0);
	ck_assert_int_eq(ds.msg_lrpid, getpid());
	ck_assert(ds.msg_rtime >= before);
	destroy(id);
}
END_TEST

START_TEST(types_choose)
{
	int id = make();

	for (long type = 1; type <= 9; type++)
		ck_ok(put(id, 10 - type, 1, 0));			/* 9 8 7 ... 1 */
	ck_ok(put(id, LONG_MAX, 1, 0));
	ck_assert_int_eq(take(id, 0, 0), 9);
	ck_assert_int_eq(take(id, 3, 0), 3);
	ck_assert_int_eq(take(id, -4, 0), 1);				/* the lowest */
	ck_assert_int_eq(take(id, -4, 0), 2);
	ck_assert_int_eq(take(id, 8, MSG_EXCEPT), 7);
	ck_assert_int_eq(take(id, -4, 0), 4);
	ck_fails(take(id, -4, IPC_NOWAIT), ENOMSG);
	ck_fails(take(id, 3, IPC_NOWAIT), ENOMSG);
	ck_assert_int_eq(take(id, LONG_MIN, 0), 5);
	ck_assert_int_eq(take(id, LONG_MAX, 0), LONG_MAX);
	ck_assert_int_eq(take(id, 0, 0), 8);
	ck_assert_int_eq(take(id, 0, 0), 6);
	ck_fails(take(id, 0, IPC_NOWAIT), ENOMSG);
	destroy(id);
}
END_TEST

START_TEST(arguments_are_checked)
{
	int id = make();
	struct message m = { 1, "" };

	ck_fails(put(id, 0, 1, 0), EINVAL);
	ck_fails(put(id, -1, 1, 0), EINVAL);
	ck_fails(put(id, 1, 8193, 0), EINVAL);
	ck_fails(syscall(SYS_msgsnd, id, &m, -1L, 0), EINVAL);
	ck_fails(put(-1, 1, 1, 0), EINVAL);
	ck_fails(put(id + 32768, 1, 1, 0), EINVAL);
	ck_fails(msgsnd(id, BAD_ADDRESS, 1, 0), EFAULT);
	ck_fails(msgrcv(id, &m, (size_t)-1, 0, IPC_NOWAIT), EINVAL);
	ck_fails(msgrcv(-1, &m, 1, 0, IPC_NOWAIT), EINVAL);
	ck_fails(msgrcv(id + 32768, &m, 1, 0, IPC_NOWAIT), EINVAL);
	ck_ok(put(id, 4, 100, 0));
	ck_fails(msgrcv(id, &m, 99, 0, 0), E2BIG);
	ck_assert_int_eq(stat_of(id).msg_qnum, 1);
	m.text[99] = 'z';
	ck_assert_int_eq(msgrcv(id, &m, 99, 0, MSG_NOERROR), 99);
	ck_assert(m.text[98] == 'e' && m.text[99] == 'z');
	ck_assert_int_eq(stat_of(id).msg_qnum, 0);			/* cut off, the rest is lost */
	ck_ok(put(id, 4, 10, 0));
	ck_fails(msgrcv(id, BAD_ADDRESS, 100, 0, 0), EFAULT);
	destroy(id);
}
END_TEST

START_TEST(copies_stay)
{
	int id = make();
	struct message m;

	for (long type = 1; type <= 3; type++)
		ck_ok(put(id, type, (size_t)type * 10, 0));
	ck_assert_int_eq(msgrcv(id, &m, 100, 1, MSG_COPY | IPC_NOWAIT), 20);
	ck_assert_int_eq(m.type, 2);
	ck_assert_int_eq(m.text[19], 'c');
	ck_assert_int_eq(msgrcv(id, &m, 100, 0, MSG_COPY | IPC_NOWAIT), 10);
	ck_fails(msgrcv(id, &m, 100, 3, MSG_COPY | IPC_NOWAIT), ENOMSG);
	ck_fails(msgrcv(id, &m, 5, 2, MSG_COPY | IPC_NOWAIT), E2BIG);
	ck_fails(msgrcv(id, &m, 5, 2, MSG_COPY | IPC_NOWAIT | MSG_NOERROR), EINVAL);
	ck_fails(msgrcv(id, &m, 100, 0, MSG_COPY), EINVAL);
	ck_fails(msgrcv(id, &m, 100, 0, MSG_COPY | IPC_NOWAIT | MSG_EXCEPT), EINVAL);
	ck_assert_int_eq(stat_of(id).msg_qnum, 3);
	destroy(id);
}
END_TEST

START_TEST(a_full_queue_blocks)
{
	int id = make();
	pid_t small, large;

	ck_ok(put(id, 1, 8192, 0));
	ck_ok(put(id, 2, 8000, 0));
	ck_fails(put(id, 3, 193, IPC_NOWAIT), EAGAIN);
	large = ipc_child(MUST(put(id, 4, 500, 0) == 0));
	ipc_asleep(large);
	ck_ok(put(id, 3, 100, 0));					/* there is room for that */
	small = ipc_child(MUST(put(id, 5, 101, 0) == 0));
	ipc_asleep(small);
	ck_assert_int_eq(take(id, 3, 0), 3);				/* 192 free: the smaller one fits */
	ipc_wait(small);
	ipc_asleep(large);
	ck_assert_int_eq(stat_of(id).msg_lspid, small);
	ck_assert_int_eq(take(id, 2, 0), 2);
	ipc_wait(large);
	ck_assert_int_eq(stat_of(id).msg_qnum, 3);
	ck_assert_int_eq(stat_of(id).msg_cbytes, 8192 + 500 + 101);
	destroy(id);
}
END_TEST

START_TEST(receivers_wait)
{
	int id = make();
	pid_t any, four, few;
	struct message m;

	four = ipc_child(MUST(take(id, 4, 0) == 4));
	ipc_asleep(four);
	any = ipc_child(MUST(take(id, 0, 0) == 3));
	ipc_asleep(any);
	ck_ok(put(id, 3, 10, 0));
	ipc_wait(any);
	ipc_asleep(four);
	few = ipc_child(MUST(msgrcv(id, &m, 9, 0, 0) == -1 && errno == E2BIG));
	ipc_asleep(few);
	any = ipc_child(MUST(msgrcv(id, &m, 10, -6, 0) == 10 && m.type == 5));
	ipc_asleep(any);
	ck_ok(put(id, 5, 10, 0));					/* too long for the one, right for the other */
	ipc_wait(few);
	ipc_wait(any);
	any = ipc_child(MUST(msgrcv(id, &m, 2, 4, MSG_EXCEPT | MSG_NOERROR) == 2 && m.type == 6));
	ipc_asleep(any);
	ck_ok(put(id, 4, 10, 0));
	ipc_wait(four);
	ck_assert_int_eq(stat_of(id).msg_lrpid, four);
	ck_ok(put(id, 6, 10, 0));
	ipc_wait(any);
	ck_assert_int_eq(stat_of(id).msg_qnum, 0);
	ck_assert_int_eq(stat_of(id).msg_lspid, getpid());
	destroy(id);
}
END_TEST

START_TEST(first_come_first_served)
{
	int id = make(), *order = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid[3];

	for (int i = 0; i < 3; i++) {
		pid[i] = ipc_child({
			MUST(take(id, 0, 0) == i + 1);
			order[0]++;
			order[order[0]] = i;
		});
		ipc_asleep(pid[i]);
	}
	for (int i = 0; i < 3; i++) {
		ck_ok(put(id, i + 1, 1, 0));
		ipc_wait(pid[i]);
		ck_assert_int_eq(order[i + 1], i);
	}
	destroy(id);
}
END_TEST

START_TEST(sleep_ends_early)
{
	int id = make(), full = make();
	pid_t a, b;

	ck_ok(put(full, 1, 8192, 0));
	ck_ok(put(full, 1, 8192, 0));
	a = ipc_child({
		ipc_catch(SIGUSR1);
		MUST(take(id, 0, 0) == -1 && errno == EINTR);
	});
	b = ipc_child({
		ipc_catch(SIGUSR1);
		MUST(put(full, 1, 1, 0) == -1 && errno == EINTR);
	});
	ipc_asleep(a);
	ipc_asleep(b);
	kill(a, SIGUSR1);
	kill(b, SIGUSR1);
	ipc_wait(a);
	ipc_wait(b);
	a = ipc_child(MUST(take(id, 0, 0) == -1 && errno == EIDRM));
	b = ipc_child(MUST(put(full, 1, 1, 0) == -1 && errno == EIDRM));
	ipc_asleep(a);
	ipc_asleep(b);
	destroy(id);
	destroy(full);
	ipc_wait(a);
	ipc_wait(b);
}
END_TEST

START_TEST(settings_change)
{
	int id = (int)ck_ok(msgget(KEY, 0640 | IPC_CREAT));
	struct msqid_ds ds = stat_of(id);
	pid_t a, b;

	ck_assert_int_eq(ds.msg_perm.mode, 0640);
	ck_assert_int_eq(ds.msg_perm.__ipc_perm_key, KEY);
	ds.msg_qbytes = 100;
	ck_ok(msgctl(id, IPC_SET, &ds));
	ck_ok(put(id, 1, 90, 0));
	ck_fails(put(id, 1, 11, IPC_NOWAIT), EAGAIN);
	a = ipc_child(MUST(put(id, 2, 200, 0) == 0));
	ipc_asleep(a);
	ds.msg_qbytes = 300;
	ds.msg_perm.mode = 0666;
	ck_ok(msgctl(id, IPC_SET, &ds));				/* makes room */
	ipc_wait(a);
	b = ipc_child({
		MUST(setuid(1000) == 0);
		MUST(take(id, 9, 0) == -1 && errno == EACCES);
	});
	ipc_asleep(b);
	ds.msg_perm.mode = 0602;
	ck_ok(msgctl(id, IPC_SET, &ds));				/* or takes the right to go on */
	ipc_wait(b);
	ds.msg_qbytes = 20000;
	ck_ok(msgctl(id, IPC_SET, &ds));				/* root has CAP_SYS_RESOURCE */
	ck_fails(msgctl(id, IPC_SET, BAD_ADDRESS), EFAULT);
	ck_fails(msgctl(id, IPC_STAT, BAD_ADDRESS), EFAULT);
	ck_fails(msgctl(id, 55, &ds), EINVAL);
	ck_fails(msgctl(-1, IPC_STAT, &ds), EINVAL);
	ipc_wait(ipc_child({
		MUST(setgid(5) == 0 && setuid(1000) == 0);
		MUST(take(id, 0, IPC_NOWAIT) == -1 && errno == EACCES);
		MUST(put(id, 1, 1, IPC_NOWAIT) == 0);
		MUST(msgctl(id, IPC_STAT, &ds) == -1 && errno == EACCES);
		MUST(msgctl(id, IPC_SET, &ds) == -1 && errno == EPERM);
		MUST(msgctl(id, IPC_RMID, NULL) == -1 && errno == EPERM);
		MUST(msgget(KEY, 0400) == -1 && errno == EACCES);
		int own = msgget(IPC_PRIVATE, 0600);
		MUST(msgctl(own, IPC_STAT, &ds) == 0);
		ds.msg_qbytes = 16385;
		MUST(msgctl(own, IPC_SET, &ds) == -1 && errno == EPERM);
		MUST(msgctl(own, IPC_RMID, NULL) == 0);
	}));
	destroy(id);
}
END_TEST

START_TEST(info_tells)
{
	int id = make(), index = -1, top;
	struct msginfo info;
	struct msqid_ds ds;

	ck_ok(put(id, 1, 100, 0));
	ck_ok(put(id, 1, 11, 0));
	top = (int)ck_ok(msgctl(0, IPC_INFO, (void *)&info));
	ck_assert_int_eq(info.msgmax, 8192);
	ck_assert_int_eq(info.msgmnb, 16384);
	ck_assert_int_eq(info.msgmni, 32000);
	ck_assert_int_eq(info.msgpool, 512000);
	ck_assert_int_eq(info.msgmap, 16384);
	ck_assert_int_eq(info.msgssz, 16);
	ck_assert_int_eq(info.msgtql, 16384);
	ck_assert_int_eq(info.msgseg, 0xffff);
	ck_assert_int_eq(msgctl(0, MSG_INFO, (void *)&info), top);
	ck_assert_int_eq(info.msgpool, 1);
	ck_assert_int_eq(info.msgmap, 2);
	ck_assert_int_eq(info.msgtql, 111);
	for (int i = 0; i <= top && index < 0; i++)
		if (msgctl(i, MSG_STAT, &ds) == id)
			index = i;
	ck_assert_int_ge(index, 0);
	ck_assert_int_eq(ds.msg_cbytes, 111);
	ck_fails(msgctl(index + 1, MSG_STAT, &ds), EINVAL);
	ck_fails(msgctl(0, IPC_INFO, BAD_ADDRESS), EFAULT);
	ipc_wait(ipc_child({
		MUST(setuid(1000) == 0);
		MUST(msgctl(index, MSG_STAT, &ds) == -1 && errno == EACCES);
		MUST(msgctl(index, MSG_STAT_ANY, &ds) == id);
	}));
	destroy(id);
	ck_ok(msgctl(0, MSG_INFO, (void *)&info));
	ck_assert(info.msgpool == 0 && info.msgmap == 0 && info.msgtql == 0);
}
END_TEST

START_TEST(limits_end_it)
{
	char text[64];
	int id[4], n, full;

	ipc_read(KERNEL "msgmni", text, sizeof(text));
	ck_assert_str_eq(text, "32000\n");
	ipc_write(KERNEL "msgmni", "3");
	for (n = 0; n < 4 && (id[n] = msgget(IPC_PRIVATE, 0600)) >= 0; n++)
		;
	ck_assert_int_eq(errno, ENOSPC);
	ipc_write(KERNEL "msgmni", "32000");
	ck_assert_int_eq(n, 3);
	while (n > 0)
		destroy(id[--n]);
	ipc_write(KERNEL "msgmax", "10");
	ipc_write(KERNEL "msgmnb", "15");
	full = make();
	n = put(full, 1, 11, 0) == -1 && errno == EINVAL;
	ck_ok(put(full, 1, 10, 0));
	n += put(full, 1, 6, IPC_NOWAIT) == -1 && errno == EAGAIN;
	ck_ok(put(full, 1, 5, 0));
	ipc_write(KERNEL "msgmax", "100000");
	ipc_write(KERNEL "msgmnb", "16384");
	ck_assert_int_eq(n, 2);
	destroy(full);
	full = make();
	for (n = 0; n < 16384; n++)
		ck_ok(put(full, 1, 0, IPC_NOWAIT));			/* empty ones are counted too */
	ck_fails(put(full, 1, 0, IPC_NOWAIT), EAGAIN);
	destroy(full);
	full = make();
	struct msqid_ds ds = stat_of(full);
	ds.msg_qbytes = 300000;
	ck_ok(msgctl(full, IPC_SET, &ds));
	struct { long type; char text[100000]; } *large = malloc(sizeof(*large));
	large->type = 1;
	for (n = 0; n < 100000; n++)
		large->text[n] = (char)n;
	ck_ok(msgsnd(full, large, 100000, 0));
	memset(large, 0, sizeof(*large));
	ck_assert_int_eq(msgrcv(full, large, 100000, 0, 0), 100000);
	for (n = 0; n < 100000; n++)
		ck_assert(large->text[n] == (char)n);
	ipc_write(KERNEL "msgmax", "8192");
	destroy(full);
}
END_TEST

/* Each sender's messages come in order, none twice, none is lost; the queue is full most of the time. */
START_TEST(storm)
{
	enum { SENDERS = 3, RECEIVERS = 3, EACH = 1200 };
	int id = make();
	long *sum = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct msqid_ds ds = stat_of(id);
	pid_t pid[SENDERS + RECEIVERS];

	ds.msg_qbytes = 200;
	ck_ok(msgctl(id, IPC_SET, &ds));
	for (int i = 0; i < SENDERS; i++)
		pid[i] = ipc_child({
			struct { long type; int n; char rest[60]; } m = { i + 1, 0, "" };
			for (m.n = 1; m.n <= EACH; m.n++)
				MUST(msgsnd(id, &m, sizeof(int) + (size_t)(m.n % 50), 0) == 0);
		});
	for (int i = 0; i < RECEIVERS; i++)
		pid[SENDERS + i] = ipc_child({
			struct { long type; int n; char rest[60]; } m;
			int last[SENDERS + 1] = { 0 };
			for (int n = 0; n < EACH; n++) {
				MUST(msgrcv(id, &m, sizeof(m) - sizeof(long), i == 0 ? -SENDERS : 0, 0) >= 4);
				MUST(m.type >= 1 && m.type <= SENDERS && m.n > last[m.type]);
				last[m.type] = m.n;
				__atomic_fetch_add(&sum[m.type], m.n, __ATOMIC_RELAXED);
			}
		});
	for (int i = 0; i < SENDERS + RECEIVERS; i++)
		ipc_wait(pid[i]);
	for (int i = 1; i <= SENDERS; i++)
		ck_assert_int_eq(sum[i], (long)EACH * (EACH + 1) / 2);
	ck_assert_int_eq(stat_of(id).msg_qnum, 0);
	ck_assert_int_eq(stat_of(id).msg_cbytes, 0);
	destroy(id);
}
END_TEST

START_TEST(table_is_listed)
{
	static char text[8192];
	int id, key, shown;
	unsigned int mode, lspid;
	unsigned long bytes, count;

	ck_assert_int_eq(ipc_lines("/proc/sysvipc/msg", HEAD), 0);	/* nothing is left of all the tests */
	id = (int)ck_ok(msgget(KEY, 0604 | IPC_CREAT));
	ck_ok(put(id, 1, 33, 0));
	ck_assert_int_eq(ipc_lines("/proc/sysvipc/msg", HEAD), 1);
	ipc_read("/proc/sysvipc/msg", text, sizeof(text));
	ck_assert_int_eq(sscanf(text + strlen(HEAD), "%d %d %o %lu %lu %u 0 0 0 0 0 ", &key, &shown, &mode, &bytes, &count, &lspid), 6);
	ck_assert(key == KEY && shown == id && mode == 0604 && bytes == 33 && count == 1 && lspid == (unsigned int)getpid());
	destroy(id);
	ck_assert_int_eq(ipc_lines("/proc/sysvipc/msg", HEAD), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("sysv_msg");
	TCase *t = tcase_create("core");

	tcase_set_timeout(t, 100);
	tcase_add_test(t, keys_and_ids);
	tcase_add_test(t, messages_go_by);
	tcase_add_test(t, types_choose);
	tcase_add_test(t, arguments_are_checked);
	tcase_add_test(t, copies_stay);
	tcase_add_test(t, a_full_queue_blocks);
	tcase_add_test(t, receivers_wait);
	tcase_add_test(t, first_come_first_served);
	tcase_add_test(t, sleep_ends_early);
	tcase_add_test(t, settings_change);
	tcase_add_test(t, info_tells);
	tcase_add_test(t, limits_end_it);
	tcase_add_test(t, storm);
	tcase_add_test(t, table_is_listed);
	suite_add_tcase(s, t);
	return guest_run(s);
}
