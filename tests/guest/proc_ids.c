/* SPDX-License-Identifier: BSD-2-Clause */
/* User and group ids, capabilities, process groups and sessions. Each case runs in a child, which tells by its exit status. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "guest.h"

#define KEEP (-1u)

/* Run fn in a child; it returns 0, or the number of the line that is wrong. */
static void
in_child(int (*fn)(void))
{
	int status;
	pid_t pid = ck_ok(fork());

	if (pid == 0) {
		int line = fn();

		if (line != 0)
			dprintf(2, "# line %d: %s\n", line, strerror(errno));
		_exit(line != 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

#define MUST(cond) do { if (!(cond)) return __LINE__; } while (0)
#define MUST_FAIL(call, want) do { errno = 0; if ((call) != -1 || errno != (want)) return __LINE__; } while (0)

/* Raw calls: musl's wrappers change all threads, by signals. */
static int
uids_are(unsigned r, unsigned e, unsigned s)
{
	uid_t a, b, c;

	return getresuid(&a, &b, &c) == 0 && a == r && b == e && c == s;
}

static int
gids_are(unsigned r, unsigned e, unsigned s)
{
	gid_t a, b, c;

	return getresgid(&a, &b, &c) == 0 && a == r && b == e && c == s;
}

static int
setuid_as_root_sets_all(void)
{
	MUST(syscall(SYS_setgid, 20) == 0 && gids_are(20, 20, 20));
	MUST(syscall(SYS_setuid, 10) == 0 && uids_are(10, 10, 10));
	MUST_FAIL(syscall(SYS_setuid, 0), EPERM);
	MUST_FAIL(syscall(SYS_setgid, 0), EPERM);
	MUST(syscall(SYS_setuid, 10) == 0);
	MUST_FAIL(syscall(SYS_setuid, -1), EINVAL);
	return 0;
}

static int
saved_id_comes_back(void)
{
	MUST(syscall(SYS_setresuid, 10, 11, 12) == 0 && uids_are(10, 11, 12));
	MUST(syscall(SYS_setuid, 12) == 0 && uids_are(10, 12, 12));
	MUST(syscall(SYS_setuid, 10) == 0 && uids_are(10, 10, 12));
	MUST_FAIL(syscall(SYS_setuid, 11), EPERM);
	MUST_FAIL(syscall(SYS_setresuid, KEEP, 13, KEEP), EPERM);
	MUST(syscall(SYS_setresuid, 12, 12, 10) == 0 && uids_are(12, 12, 10));
	return 0;
}

static int
setreuid_and_the_saved_id(void)
{
	MUST(syscall(SYS_setreuid, 5, KEEP) == 0 && uids_are(5, 0, 0));
	MUST(syscall(SYS_setreuid, KEEP, 6) == 0 && uids_are(5, 6, 6));
	MUST(syscall(SYS_setreuid, 6, 5) == 0 && uids_are(6, 5, 5));
	MUST_FAIL(syscall(SYS_setreuid, 7, KEEP), EPERM);
	MUST_FAIL(syscall(SYS_setreuid, KEEP, 7), EPERM);
	return 0;
}

static int
setregid_and_the_saved_id(void)
{
	MUST(syscall(SYS_setregid, 5, 6) == 0 && gids_are(5, 6, 6));
	MUST(syscall(SYS_setuid, 1) == 0);
	MUST(syscall(SYS_setregid, 6, 5) == 0 && gids_are(6, 5, 5));
	MUST_FAIL(syscall(SYS_setregid, 9, KEEP), EPERM);
	MUST(syscall(SYS_setresgid, 5, 6, KEEP) == 0);
	MUST_FAIL(syscall(SYS_setresgid, 9, KEEP, KEEP), EPERM);
	return 0;
}

static int
fsuid_returns_the_old_one(void)
{
	MUST(setfsuid(1) == 0 && setfsuid(-1u) == 1 && setfsuid(0) == 1 && setfsuid(0) == 0);
	MUST(syscall(SYS_setuid, 10) == 0 && setfsuid(11) == 10 && setfsuid(10) == 10);
	MUST(setfsgid(3) == 0 && setfsgid(0) == 0);
	return 0;
}

static int
groups(void)
{
	gid_t list[5] = { 30, 10, 20 }, got[5];

	MUST(setgroups(3, list) == 0 && getgroups(0, NULL) == 3);
	MUST_FAIL(getgroups(2, got), EINVAL);
	MUST_FAIL(getgroups(-1, got), EINVAL);
	MUST(getgroups(5, got) == 3 && got[0] == 10 && got[2] == 30);
	MUST_FAIL(syscall(SYS_setgroups, 65537, list), EINVAL);
	MUST_FAIL(syscall(SYS_setgroups, 1, (void *)0x1000), EFAULT);
	MUST(setgroups(0, NULL) == 0 && getgroups(0, NULL) == 0);
	MUST(setuid(5) == 0);
	MUST_FAIL(syscall(SYS_setgroups, 1, list), EPERM);
	return 0;
}

static int
capget(struct __user_cap_data_struct d[2])
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };

	return (int)syscall(SYS_capget, &h, d);
}

static int
capset(const struct __user_cap_data_struct d[2])
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };

	return (int)syscall(SYS_capset, &h, d);
}

static int
capabilities_follow_ids(void)
{
	struct __user_cap_data_struct d[2];

	MUST(capget(d) == 0 && (d[0].effective & 1u << CAP_KILL) && (d[0].permitted & 1u << CAP_KILL) && d[0].inheritable == 0);
	MUST(syscall(SYS_setresuid, 1, 1, 0) == 0);
	MUST(capget(d) == 0 && d[0].effective == 0 && d[0].permitted != 0);
	MUST(syscall(SYS_setresuid, 1, 0, 0) == 0);
	MUST(capget(d) == 0 && d[0].effective != 0);
	MUST(syscall(SYS_setresuid, 1, 1, 1) == 0);
	MUST(capget(d) == 0 && d[0].effective == 0 && d[0].permitted == 0);
	return 0;
}

static int
keep_caps(void)
{
	struct __user_cap_data_struct d[2];

	MUST(prctl(PR_SET_KEEPCAPS, 1) == 0 && prctl(PR_GET_KEEPCAPS) == 1);
	MUST(syscall(SYS_setresuid, 1, 1, 1) == 0);
	MUST(capget(d) == 0 && d[0].effective == 0 && (d[0].permitted & 1u << CAP_KILL));
	d[0].effective = 1u << CAP_KILL;
	d[1].effective = 0;
	MUST(capset(d) == 0 && kill(getppid(), 0) == 0);
	MUST_FAIL(prctl(PR_SET_KEEPCAPS, 2), EINVAL);
	return 0;
}

static int
capset_rules(void)
{
	struct __user_cap_header_struct bad = { 0x12345678, 0 };
	struct __user_cap_data_struct d[2], all[2];

	MUST(capget(all) == 0);
	MUST_FAIL(syscall(SYS_capget, &bad, d), EINVAL);
	MUST(bad.version == _LINUX_CAPABILITY_VERSION_3);
	memset(d, 0, sizeof(d));
	d[0].effective = 1u << CAP_KILL;
	MUST_FAIL(capset(d), EPERM);		/* effective without permitted */
	d[0].permitted = d[0].effective;
	MUST(capset(d) == 0);
	MUST_FAIL(capset(all), EPERM);		/* nothing comes back */
	MUST_FAIL(setgroups(0, NULL), EPERM);
	bad.version = _LINUX_CAPABILITY_VERSION_3;
	bad.pid = 1;
	MUST_FAIL(syscall(SYS_capset, &bad, d), EPERM);
	return 0;
}

static int
bounding_and_ambient(void)
{
	struct __user_cap_data_struct d[2];

	MUST(prctl(PR_CAPBSET_READ, CAP_NET_RAW) == 1);
	MUST(prctl(PR_CAPBSET_DROP, CAP_NET_RAW) == 0 && prctl(PR_CAPBSET_READ, CAP_NET_RAW) == 0);
	MUST_FAIL(prctl(PR_CAPBSET_READ, 63), EINVAL);
	MUST_FAIL(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0), EPERM);	/* not inheritable */
	MUST(capget(d) == 0);
	d[0].inheritable = 1u << CAP_KILL;
	MUST(capset(d) == 0 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0) == 0);
	MUST(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0) == 1);
	MUST(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0);
	MUST(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0) == 0);
	return 0;
}

/* --- groups and sessions --- */

static int
setpgid_rules(void)
{
	int fd[2];
	pid_t child;

	MUST(setpgid(0, 0) == 0 && getpgrp() == getpid() && getpgid(0) == getpid());
	MUST_FAIL(setpgid(0, -1), EINVAL);
	MUST_FAIL(setpgid(getppid(), 0), ESRCH);
	MUST_FAIL(setpgid(0, 1 << 21), EPERM);
	MUST_FAIL(getpgid(1 << 21), ESRCH);
	MUST(pipe2(fd, O_CLOEXEC) == 0);
	child = fork();
	if (child == 0) {
		execl("/bin/busybox", "sleep", "100", (char *)NULL);
		_exit(1);
	}
	close(fd[1]);
	MUST(read(fd[0], &fd[1], 1) == 0);	/* it has exec'ed */
	MUST_FAIL(setpgid(child, 0), EACCES);
	kill(child, SIGKILL);
	MUST(waitpid(child, NULL, 0) == child);
	child = fork();
	if (child == 0)
		for (;;)
			pause();
	MUST(setpgid(child, child) == 0 && getpgid(child) == child);
	MUST(setpgid(child, getpid()) == 0 && getpgid(child) == getpid());
	kill(child, SIGKILL);
	MUST(waitpid(child, NULL, 0) == child);
	return 0;
}

static int
setsid_rules(void)
{
	pid_t child;
	int status;

	MUST(setpgid(0, 0) == 0);
	MUST_FAIL(setsid(), EPERM);		/* a group leader */
	child = fork();
	if (child == 0) {
		if (setsid() != getpid() || getsid(0) != getpid() || getpgrp() != getpid())
			_exit(1);
		if (setsid() != -1 || errno != EPERM)
			_exit(2);
		if (setpgid(0, 0) != -1 || errno != EPERM)	/* a session leader */
			_exit(3);
		if (open("/dev/tty", O_RDWR) != -1 || errno != ENXIO)
			_exit(4);
		pause();
	}
	while (getsid(child) != child)
		usleep(1000);
	MUST_FAIL(setpgid(child, 0), EPERM);	/* in another session */
	kill(child, SIGKILL);
	MUST(waitpid(child, &status, 0) == child && WTERMSIG(status) == SIGKILL);
	MUST_FAIL(getsid(1 << 21), ESRCH);
	return 0;
}

/* A number that still names a group is not given to a new process, though its process is gone. */
static int
group_outlives_its_leader(void)
{
	int fd[2];
	pid_t leader, member = 0;

	MUST(pipe(fd) == 0);
	leader = fork();
	if (leader == 0) {
		setpgid(0, 0);
		member = fork();
		if (member == 0)
			for (;;)
				pause();
		_exit(write(fd[1], &member, sizeof(member)) != sizeof(member));
	}
	MUST(read(fd[0], &member, sizeof(member)) == sizeof(member));
	MUST(waitpid(leader, NULL, 0) == leader);
	MUST(getpgid(member) == leader);
	MUST_FAIL(kill(leader, 0), ESRCH);
	MUST(kill(-leader, SIGKILL) == 0);
	for (int i = 0; i < 1000 && kill(-leader, 0) == 0; i++)
		usleep(1000);
	MUST_FAIL(kill(-leader, 0), ESRCH);
	return 0;
}

/* The last parent that could continue a stopped job exits: SIGHUP, SIGCONT. */
static int
orphaned_group_is_hung_up(void)
{
	int fd[2], got = 0;
	pid_t parent;

	MUST(pipe(fd) == 0);
	MUST(setsid() != -1 || 1);
	parent = fork();
	if (parent == 0) {
		pid_t job = fork();
		int status;

		if (job == 0) {
			sigset_t set;
			int sig;

			setpgid(0, 0);
			sigemptyset(&set);
			sigaddset(&set, SIGHUP);
			sigprocmask(SIG_BLOCK, &set, NULL);
			raise(SIGSTOP);
			sigwait(&set, &sig);
			_exit(write(fd[1], &sig, sizeof(sig)) != sizeof(sig));
		}
		waitpid(job, &status, WUNTRACED);
		_exit(0);
	}
	MUST(waitpid(parent, NULL, 0) == parent);
	MUST(read(fd[0], &got, sizeof(got)) == sizeof(got) && got == SIGHUP);
	return 0;
}

#define CASE(fn) START_TEST(test_##fn) { in_child(fn); } END_TEST
CASE(setuid_as_root_sets_all)
CASE(saved_id_comes_back)
CASE(setreuid_and_the_saved_id)
CASE(setregid_and_the_saved_id)
CASE(fsuid_returns_the_old_one)
CASE(groups)
CASE(capabilities_follow_ids)
CASE(keep_caps)
CASE(capset_rules)
CASE(bounding_and_ambient)
CASE(setpgid_rules)
CASE(setsid_rules)
CASE(group_outlives_its_leader)
CASE(orphaned_group_is_hung_up)

int
main(void)
{
	Suite *suite = suite_create("proc_ids");
	TCase *core = tcase_create("core");

	tcase_add_test(core, test_setuid_as_root_sets_all);
	tcase_add_test(core, test_saved_id_comes_back);
	tcase_add_test(core, test_setreuid_and_the_saved_id);
	tcase_add_test(core, test_setregid_and_the_saved_id);
	tcase_add_test(core, test_fsuid_returns_the_old_one);
	tcase_add_test(core, test_groups);
	tcase_add_test(core, test_capabilities_follow_ids);
	tcase_add_test(core, test_keep_caps);
	tcase_add_test(core, test_capset_rules);
	tcase_add_test(core, test_bounding_and_ambient);
	tcase_add_test(core, test_setpgid_rules);
	tcase_add_test(core, test_setsid_rules);
	tcase_add_test(core, test_group_outlives_its_leader);
	tcase_add_test(core, test_orphaned_group_is_hung_up);
	suite_add_tcase(suite, core);
	return guest_run(suite);
}
