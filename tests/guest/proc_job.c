/* SPDX-License-Identifier: BSD-2-Clause */
/* Job control over a pseudo terminal: who is in the foreground, who is stopped, what a hang-up does. POSIX, chapter 11. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>

#include "guest.h"

static int master;
static char slave_name[32];

static void
open_pty(void)
{
	unsigned n;
	int zero = 0;

	master = ck_ok(open("/dev/ptmx", O_RDWR | O_NOCTTY));
	ck_ok(ioctl(master, TIOCSPTLCK, &zero));
	ck_ok(ioctl(master, TIOCGPTN, &n));
	snprintf(slave_name, sizeof(slave_name), "/dev/pts/%u", n);
}

/* A child that leads a session with the terminal, and runs fn, which tells by its result. */
static pid_t
session(int (*fn)(int tty))
{
	pid_t pid = ck_ok(fork());

	if (pid == 0) {
		int tty;

		close(master);
		setsid();
		tty = open(slave_name, O_RDWR);		/* becomes the controlling terminal */
		_exit(tty == -1 ? 99 : fn(tty));
	}
	return pid;
}

static int
result(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "status %#x", status);
	return WEXITSTATUS(status);
}

static int
looks_around(int tty)
{
	pid_t sid = -1;

	if (tcgetpgrp(tty) != getpid() || ioctl(tty, TIOCGSID, &sid) || sid != getpid())
		return 1;
	if (open("/dev/tty", O_RDWR) == -1)
		return 2;
	if (tcsetpgrp(tty, 1) != -1 || errno != EPERM)
		return 3;
	return tcsetpgrp(tty, 1 << 21) != -1 || errno != ESRCH ? 4 : 0;
}

START_TEST(opening_makes_it_controlling)
{
	open_pty();
	ck_assert_int_eq(result(session(looks_around)), 0);
}
END_TEST

static volatile int caught;

static void
note(int sig)
{
	caught = sig;
}

static int
waits_for_signal(int tty)
{
	signal(SIGINT, note);
	signal(SIGQUIT, note);
	signal(SIGTSTP, note);
	if (write(tty, "R", 1) != 1)
		return 1;
	while (!caught)
		pause();
	return caught;
}

START_TEST(keys_send_signals)
{
	static const struct { char key; int sig; } keys[] = { { 3, SIGINT }, { 28, SIGQUIT }, { 26, SIGTSTP } };

	for (int i = 0; i < 3; i++) {
		char c;
		pid_t pid;

		open_pty();
		pid = session(waits_for_signal);
		ck_assert_int_eq(read(master, &c, 1), 1);
		ck_assert_int_eq(write(master, &keys[i].key, 1), 1);
		ck_assert_int_eq(result(pid), keys[i].sig);
		close(master);
	}
}
END_TEST

/* A background job reads and is stopped with SIGTTIN; in the foreground it goes on. */
static int
shell_with_reader(int tty)
{
	pid_t job;
	int status;

	signal(SIGTTOU, SIG_IGN);
	job = fork();
	if (job == 0) {
		char line[10];

		signal(SIGTTOU, SIG_DFL);
		setpgid(0, 0);
		_exit(read(tty, line, sizeof(line)) == 3 ? 7 : 8);
	}
	setpgid(job, job);
	if (waitpid(job, &status, WUNTRACED) != job || !WIFSTOPPED(status) || WSTOPSIG(status) != SIGTTIN)
		return 1;
	if (tcsetpgrp(tty, job) || kill(-job, SIGCONT))
		return 2;
	if (write(tty, "R", 1) != 1)
		return 3;
	if (waitpid(job, &status, WUNTRACED) != job || status != 7 << 8)
		return 4;
	return tcsetpgrp(tty, getpid()) ? 5 : 0;
}

START_TEST(background_reader_stops)
{
	char c = 0;
	pid_t pid;

	open_pty();
	pid = session(shell_with_reader);
	while (c != 'R')
		ck_assert_int_eq(read(master, &c, 1), 1);
	ck_assert_int_eq(write(master, "ab\n", 3), 3);
	ck_assert_int_eq(result(pid), 0);
}
END_TEST

static int
shell_with_writer(int tty)
{
	struct termios tio;
	pid_t job;
	int status;

	tcgetattr(tty, &tio);
	tio.c_lflag |= TOSTOP;
	tcsetattr(tty, TCSANOW, &tio);
	job = fork();
	if (job == 0) {
		setpgid(0, 0);
		_exit(write(tty, "x", 1) != 1);
	}
	setpgid(job, job);
	if (waitpid(job, &status, WUNTRACED) != job || !WIFSTOPPED(status) || WSTOPSIG(status) != SIGTTOU)
		return 1;
	tio.c_lflag &= ~(unsigned)TOSTOP;
	tcsetattr(tty, TCSANOW, &tio);
	kill(-job, SIGCONT);
	if (waitpid(job, &status, WUNTRACED) != job || status != 0)
		return 2;
	/* changing the terminal from the background is stopped without TOSTOP too */
	job = fork();
	if (job == 0) {
		setpgid(0, 0);
		_exit(tcsetattr(tty, TCSANOW, &tio) != 0);
	}
	setpgid(job, job);
	if (waitpid(job, &status, WUNTRACED) != job || !WIFSTOPPED(status) || WSTOPSIG(status) != SIGTTOU)
		return 3;
	kill(-job, SIGKILL);
	return waitpid(job, &status, 0) == job ? 0 : 4;
}

START_TEST(background_writer_stops)
{
	open_pty();
	ck_assert_int_eq(result(session(shell_with_writer)), 0);
}
END_TEST

/* In an orphaned group there is nobody to continue a job: reading fails instead. */
static int
orphan_reads(int tty)
{
	int fd[2], err = 0;
	pid_t parent;

	if (pipe(fd))
		return 1;
	parent = fork();
	if (parent == 0) {
		if (fork() == 0) {
			char c;

			setpgid(0, 0);
			while (getppid() == parent || getppid() != 1)
				usleep(1000);
			err = read(tty, &c, 1) == -1 ? errno : 0;
			_exit(write(fd[1], &err, sizeof(err)) != sizeof(err));
		}
		usleep(30000);
		_exit(0);
	}
	waitpid(parent, NULL, 0);
	if (read(fd[0], &err, sizeof(err)) != sizeof(err))
		return 2;
	return err == EIO ? 0 : 3;
}

START_TEST(orphaned_reader_gets_eio)
{
	open_pty();
	ck_assert_int_eq(result(session(orphan_reads)), 0);
}
END_TEST

static int
waits_for_hangup(int tty)
{
	char c;

	signal(SIGHUP, note);
	if (write(tty, "R", 1) != 1)
		return 1;
	while (!caught)
		pause();
	if (read(tty, &c, 1) != 0)
		return 2;
	if (write(tty, &c, 1) != -1 || errno != EIO)
		return 3;
	return caught;
}

START_TEST(closing_the_master_hangs_up)
{
	char c;
	pid_t pid;

	open_pty();
	pid = session(waits_for_hangup);
	ck_assert_int_eq(read(master, &c, 1), 1);
	close(master);
	ck_assert_int_eq(result(pid), SIGHUP);
}
END_TEST

/* The session leader exits: the foreground job gets SIGHUP. */
static int
leader_exits(int tty)
{
	int ready[2];
	char c;

	if (pipe(ready))
		return 1;
	if (fork() == 0) {
		sigset_t set;
		int sig;

		setpgid(0, 0);
		sigemptyset(&set);
		sigaddset(&set, SIGHUP);
		sigprocmask(SIG_BLOCK, &set, NULL);
		signal(SIGTTOU, SIG_IGN);
		tcsetpgrp(tty, getpid());
		if (write(ready[1], "r", 1) != 1)
			_exit(1);
		sigwait(&set, &sig);
		_exit(open("/dev/tty", O_RDWR) == -1 && errno == ENXIO ? sig : 100);
	}
	return read(ready[0], &c, 1) != 1;
}

START_TEST(end_of_the_session_leader)
{
	char buf[10];
	int fd;

	open_pty();
	ck_assert_int_eq(result(session(leader_exits)), 0);
	/* nobody has the slave open any more, once the job is gone: the master's read fails */
	while (read(master, buf, sizeof(buf)) > 0)
		;
	ck_assert_int_eq(errno, EIO);
	fd = ck_ok(open(slave_name, O_RDWR | O_NOCTTY));
	close(fd);
}
END_TEST

static int
gives_it_up(int tty)
{
	signal(SIGHUP, SIG_IGN);
	if (ioctl(tty, TIOCNOTTY))
		return 1;
	if (open("/dev/tty", O_RDWR) != -1 || errno != ENXIO)
		return 2;
	if (ioctl(tty, TIOCSCTTY, 0))
		return 3;
	return open("/dev/tty", O_RDWR) == -1 ? 4 : 0;
}

START_TEST(it_can_be_given_up_and_taken)
{
	open_pty();
	ck_assert_int_eq(result(session(gives_it_up)), 0);
}
END_TEST

static int
window(int tty)
{
	struct winsize ws;

	signal(SIGWINCH, note);
	if (write(tty, "R", 1) != 1)
		return 1;
	while (!caught)
		pause();
	return ioctl(tty, TIOCGWINSZ, &ws) || ws.ws_row != 11 || ws.ws_col != 22 ? 2 : caught;
}

START_TEST(window_size_signals)
{
	struct winsize ws = { .ws_row = 11, .ws_col = 22 };
	char c;
	pid_t pid;

	open_pty();
	pid = session(window);
	ck_assert_int_eq(read(master, &c, 1), 1);
	ck_ok(ioctl(master, TIOCSWINSZ, &ws));
	ck_assert_int_eq(result(pid), SIGWINCH);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("proc_job");
	TCase *core = tcase_create("core");

	tcase_add_test(core, opening_makes_it_controlling);
	tcase_add_test(core, keys_send_signals);
	tcase_add_test(core, background_reader_stops);
	tcase_add_test(core, background_writer_stops);
	tcase_add_test(core, orphaned_reader_gets_eio);
	tcase_add_test(core, closing_the_master_hangs_up);
	tcase_add_test(core, end_of_the_session_leader);
	tcase_add_test(core, it_can_be_given_up_and_taken);
	tcase_add_test(core, window_size_signals);
	suite_add_tcase(suite, core);
	return guest_run(suite);
}
