/* SPDX-License-Identifier: BSD-2-Clause */
/* /proc follows the processes: entries come and go with them, whatever was looked up before. proc(5). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "guest.h"

static char path[64];

static int
is_there(pid_t pid, const char *what)
{
	snprintf(path, sizeof(path), "/proc/%d%s", pid, what);
	return access(path, F_OK) == 0;
}

static pid_t
sleeper(void)
{
	pid_t pid = (pid_t)ck_ok(fork());

	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static void
end(pid_t pid)
{
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(a_reaped_process_is_gone)
{
	pid_t pid = sleeper();

	ck_assert(is_there(pid, "") && is_there(pid, "/stat") && is_there(pid, "/fd/0"));
	end(pid);
	ck_assert(!is_there(pid, ""));
	ck_assert(!is_there(pid, "/stat"));
}
END_TEST

START_TEST(a_number_that_was_free_can_be_taken)
{
	pid_t first = sleeper(), pid;

	for (int i = 1; i <= 20; i++)
		ck_assert(!is_there(first + i, ""));	/* remembered as absent */
	end(first);
	pid = sleeper();
	ck_assert_int_gt(pid, first);
	ck_assert_int_le(pid, first + 20);
	ck_assert(is_there(pid, "/status"));
	end(pid);
}
END_TEST

START_TEST(descriptors_come_and_go)
{
	int fd = 77;

	ck_assert(!is_there(getpid(), "/fd/77"));
	ck_ok(dup2(1, fd));
	ck_assert(is_there(getpid(), "/fd/77") && is_there(getpid(), "/fdinfo/77"));
	close(fd);
	ck_assert(!is_there(getpid(), "/fd/77"));
	ck_assert(!is_there(getpid(), "/fdinfo/77"));
}
END_TEST

START_TEST(a_descriptor_link_shows_what_is_open_now)
{
	struct stat st;
	char link[64];
	ssize_t n;
	int fd = (int)ck_ok(open("/tmp/procfs-a", O_RDONLY | O_CREAT, 0600));

	ck_ok(dup2(fd, 77));
	snprintf(path, sizeof(path), "/proc/self/fd/77");
	n = ck_ok(readlink(path, link, sizeof(link)));
	ck_assert_int_eq(n, 13);
	ck_assert_mem_eq(link, "/tmp/procfs-a", 13);
	ck_ok(lstat(path, &st));
	ck_assert_int_eq(st.st_mode & 0700, 0500);
	ck_ok(dup2((int)ck_ok(open("/tmp/procfs-bb", O_RDWR | O_CREAT, 0600)), 77));
	n = ck_ok(readlink(path, link, sizeof(link)));
	ck_assert_mem_eq(link, "/tmp/procfs-bb", 14);
	ck_ok(lstat(path, &st));
	ck_assert_int_eq(st.st_mode & 0700, 0700);
}
END_TEST

START_TEST(an_open_directory_outlives_its_process)
{
	pid_t pid = sleeper();
	char c;
	int dir, file;

	snprintf(path, sizeof(path), "/proc/%d", pid);
	dir = (int)ck_ok(open(path, O_RDONLY | O_DIRECTORY));
	file = (int)ck_ok(openat(dir, "stat", O_RDONLY));
	end(pid);
	ck_fails(openat(dir, "status", O_RDONLY), ESRCH);
	ck_fails(read(file, &c, 1), ESRCH);
	close(file);
	close(dir);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("procfs");
	TCase *t = tcase_create("core");

	tcase_add_test(t, a_reaped_process_is_gone);
	tcase_add_test(t, a_number_that_was_free_can_be_taken);
	tcase_add_test(t, descriptors_come_and_go);
	tcase_add_test(t, a_descriptor_link_shows_what_is_open_now);
	tcase_add_test(t, an_open_directory_outlives_its_process);
	suite_add_tcase(s, t);
	return guest_run(s);
}
