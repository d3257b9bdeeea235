/* SPDX-License-Identifier: BSD-2-Clause */
/* Pseudo-terminals, the line discipline behind them, and job control. pty(7), termios(3), ioctl_tty(2), credentials(7). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/sysmacros.h>
#include <sys/stat.h>
#include <sys/mount.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>

#include "guest.h"

static int master, slave;

static void
set_up(void)
{
	int unlock = 0, nr;
	char name[32];

	master = (int)ck_ok(open("/dev/ptmx", O_RDWR | O_NOCTTY));
	ck_ok(ioctl(master, TIOCSPTLCK, &unlock));
	ck_ok(ioctl(master, TIOCGPTN, &nr));
	snprintf(name, sizeof(name), "/dev/pts/%d", nr);
	slave = (int)ck_ok(open(name, O_RDWR | O_NOCTTY));
}

static void
tear_down(void)
{
	close(slave);
	close(master);
}

/* Read exactly n bytes of the master. */
static void
expect(const char *want)
{
	size_t n = strlen(want), got = 0;
	char buf[256];

	while (got < n) {
		struct pollfd p = { master, POLLIN, 0 };
		ssize_t k;

		ck_assert_msg(poll(&p, 1, 5000) == 1, "got \"%.*s\", expected \"%s\"", (int)got, buf, want);
		k = ck_ok(read(master, buf + got, n - got));
		got += (size_t)k;
	}
	ck_assert_mem_eq(buf, want, n);
}

static void type(const char *s) { ck_assert_int_eq(write(master, s, strlen(s)), (int)strlen(s)); }

/* A line that the slave reads. */
static void
slave_reads(const char *want)
{
	char buf[256];
	ssize_t n = ck_ok(read(slave, buf, sizeof(buf)));

	ck_assert_int_eq(n, (int)strlen(want));
	ck_assert_mem_eq(buf, want, (size_t)n);
}

static void
raw_mode(cc_t min, cc_t time)
{
	struct termios t;

	ck_ok(tcgetattr(slave, &t));
	cfmakeraw(&t);
	t.c_cc[VMIN] = min;
	t.c_cc[VTIME] = time;
	ck_ok(tcsetattr(slave, TCSANOW, &t));
}

START_TEST(a_locked_slave_cannot_be_opened)
{
	int m = (int)ck_ok(open("/dev/ptmx", O_RDWR | O_NOCTTY)), nr;
	char name[32];

	ck_ok(ioctl(m, TIOCGPTN, &nr));
	snprintf(name, sizeof(name), "/dev/pts/%d", nr);
	ck_fails(open(name, O_RDWR | O_NOCTTY), EIO);
	close(m);
	ck_fails(open(name, O_RDWR | O_NOCTTY), ENOENT);
}
END_TEST

START_TEST(openpty_and_ttyname)
{
	char name[64];
	int m, s;

	ck_ok(openpty(&m, &s, name, NULL, NULL));
	ck_assert_str_eq(name, ttyname(s));
	ck_assert_int_eq(isatty(s), 1);
	close(m);
	close(s);
}
END_TEST

START_TEST(default_modes)
{
	struct termios t;

	ck_ok(tcgetattr(slave, &t));
	ck_assert_uint_eq(t.c_iflag, ICRNL | IXON);
	ck_assert_uint_eq(t.c_oflag, OPOST | ONLCR);
	ck_assert_uint_eq(t.c_lflag, ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN);
	ck_assert_int_eq(t.c_cc[VINTR], 3);
	ck_assert_int_eq(t.c_cc[VEOF], 4);
	ck_assert_int_eq(t.c_cc[VERASE], 0x7f);
}
END_TEST

START_TEST(a_line_is_echoed_and_read)
{
	type("hello\r");
	expect("hello\r\n");
	slave_reads("hello\n");
}
END_TEST

START_TEST(output_is_post_processed)
{
	ck_ok(write(slave, "a\nb", 3));
	expect("a\r\nb");
}
END_TEST

START_TEST(editing)
{
	type("abx\x7f\x7f" "c\025de\027fg\r");
	slave_reads("fg\n");
}
END_TEST

START_TEST(end_of_file)
{
	char c;

	type("\004");
	ck_assert_int_eq(read(slave, &c, 1), 0);
	type("ab\004");
	slave_reads("ab");
}
END_TEST

START_TEST(fionread_counts)
{
	int n;
	struct pollfd p = { slave, POLLIN, 0 };

	type("ab\rcd");
	ck_assert_int_eq(poll(&p, 1, 5000), 1);
	ck_ok(ioctl(slave, FIONREAD, &n));
	ck_assert_int_eq(n, 3);
	expect("ab\r\ncd");
	ck_ok(write(slave, "xyz", 3));
	p.fd = master;		/* Linux carries it over by a worker */
	ck_assert_int_eq(poll(&p, 1, 5000), 1);
	ck_ok(ioctl(master, FIONREAD, &n));
	ck_assert_int_eq(n, 3);
}
END_TEST

START_TEST(raw_min_and_time)
{
	char buf[16];

	raw_mode(3, 0);
	type("ab");
	fcntl(slave, F_SETFL, O_NONBLOCK);
	ck_assert_int_eq(poll(&(struct pollfd){ slave, POLLIN, 0 }, 1, 50), 0);
	type("c");
	ck_assert_int_eq(poll(&(struct pollfd){ slave, POLLIN, 0 }, 1, 5000), 1);
	ck_assert_int_eq(read(slave, buf, sizeof(buf)), 3);
	ck_fails(read(slave, buf, 1), EAGAIN);
	fcntl(slave, F_SETFL, 0);
	raw_mode(0, 1);
	ck_assert_int_eq(read(slave, buf, sizeof(buf)), 0);	/* a tenth of a second passed */
	raw_mode(0, 0);
	ck_assert_int_eq(read(slave, buf, sizeof(buf)), 0);
	type("z");
	raw_mode(1, 1);
	ck_assert_int_eq(read(slave, buf, sizeof(buf)), 1);
}
END_TEST

START_TEST(window_size_and_sigwinch)
{
	struct winsize ws = { 24, 80, 0, 0 }, got;

	ck_ok(ioctl(master, TIOCSWINSZ, &ws));
	ck_ok(ioctl(slave, TIOCGWINSZ, &got));
	ck_assert_mem_eq(&ws, &got, sizeof(ws));
}
END_TEST

START_TEST(hang_up_by_the_master)
{
	char c;
	struct pollfd p = { slave, POLLIN, 0 };

	close(master);
	ck_assert_int_eq(read(slave, &c, 1), 0);
	ck_fails(write(slave, "x", 1), EIO);
	ck_assert_int_eq(poll(&p, 1, 0), 1);
	ck_assert(p.revents & POLLHUP);
	master = open("/dev/null", O_RDONLY);
}
END_TEST

START_TEST(the_master_sees_the_last_close)
{
	char c;
	struct pollfd p = { master, POLLIN, 0 };

	ck_ok(write(slave, "x", 1));
	close(slave);
	ck_assert_int_eq(poll(&p, 1, 5000), 1);
	ck_assert(p.revents & POLLHUP);
	ck_assert_int_eq(read(master, &c, 1), 1);
	ck_fails(read(master, &c, 1), EIO);
	slave = open("/dev/null", O_RDONLY);
}
END_TEST

START_TEST(packet_mode)
{
	int on = 1;
	char buf[16];

	ck_ok(ioctl(master, TIOCPKT, &on));
	ck_ok(write(slave, "ab", 2));
	ck_assert_int_eq(read(master, buf, sizeof(buf)), 3);
	ck_assert_int_eq(buf[0], TIOCPKT_DATA);
	ck_assert_mem_eq(buf + 1, "ab", 2);
	ck_ok(tcflush(slave, TCIFLUSH));
	ck_assert_int_eq(read(master, buf, sizeof(buf)), 1);
	ck_assert_int_eq(buf[0], TIOCPKT_FLUSHREAD);
}
END_TEST

START_TEST(output_blocks_when_nobody_reads)
{
	char buf[1024];
	ssize_t n, total = 0;

	memset(buf, 'x', sizeof(buf));
	fcntl(slave, F_SETFL, O_NONBLOCK);
	while ((n = write(slave, buf, sizeof(buf))) > 0 && total < 1 << 20)
		total += n;
	ck_assert_int_eq(n, -1);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_eq(poll(&(struct pollfd){ slave, POLLOUT, 0 }, 1, 0), 0);
	while (total > 0)
		total -= ck_ok(read(master, buf, sizeof(buf)));
	ck_assert_int_eq(poll(&(struct pollfd){ slave, POLLOUT, 0 }, 1, 5000), 1);
}
END_TEST

/* --- job control: a session of its own on the slave --- */

static void (*session_body)(void);

/* Run body as the leader of a session with the slave as controlling terminal; its exit status. */
static int
in_session(void (*body)(void))
{
	int status;
	pid_t pid;

	session_body = body;
	pid = (pid_t)ck_ok(fork());
	if (pid == 0) {
		signal(SIGHUP, SIG_DFL);
		setsid();
		if (ioctl(slave, TIOCSCTTY, 0) != 0)
			_exit(100);
		session_body();
		_exit(0);
	}
	ck_ok(waitpid(pid, &status, 0));
	return status;
}

#define need(expr)	do { if (!(expr)) { dprintf(1, "# line %d: %s (errno %d)\n", __LINE__, #expr, errno); _exit(__LINE__ % 200 + 1); } } while (0)

static void
leader_owns_terminal(void)
{
	int sid;

	need(tcgetpgrp(slave) == getpid());
	need(ioctl(slave, TIOCGSID, &sid) == 0 && sid == getpid());
	need(open("/dev/tty", O_RDWR) >= 0);
	signal(SIGHUP, SIG_IGN);
	signal(SIGCONT, SIG_IGN);
	need(ioctl(slave, TIOCNOTTY) == 0);
	need(open("/dev/tty", O_RDWR) == -1 && errno == ENXIO);
}

START_TEST(the_leader_acquires_the_terminal)
{
	signal(SIGHUP, SIG_IGN);
	ck_assert_int_eq(in_session(leader_owns_terminal), 0);
}
END_TEST

START_TEST(dev_tty_needs_a_terminal)
{
	int status;
	pid_t pid = (pid_t)ck_ok(fork());

	if (pid == 0) {
		setsid();
		_exit(open("/dev/tty", O_RDWR) == -1 && errno == ENXIO ? 0 : 1);
	}
	ck_ok(waitpid(pid, &status, 0));
	ck_assert_int_eq(status, 0);
}
END_TEST

static void
interrupt_kills_foreground(void)
{
	int status;
	pid_t child;

	signal(SIGTTOU, SIG_IGN);
	signal(SIGINT, SIG_DFL);	/* Check has a handler */
	child = fork();
	if (child == 0) {
		setpgid(0, 0);
		for (;;)
			pause();
	}
	setpgid(child, child);
	need(tcsetpgrp(slave, child) == 0);
	need(tcgetpgrp(slave) == child);
	need(write(master, "\003", 1) == 1);
	need(waitpid(child, &status, 0) == child);
	need(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
	need(tcsetpgrp(slave, getpid()) == 0);
}

START_TEST(interrupt_goes_to_the_foreground_group)
{
	ck_assert_int_eq(in_session(interrupt_kills_foreground), 0);
}
END_TEST

static void
suspend_and_continue(void)
{
	int status;
	pid_t child;

	signal(SIGTTOU, SIG_IGN);
	child = fork();
	if (child == 0) {
		setpgid(0, 0);
		for (;;)
			pause();
	}
	setpgid(child, child);
	need(tcsetpgrp(slave, child) == 0);
	need(write(master, "\032", 1) == 1);
	need(waitpid(child, &status, WUNTRACED) == child);
	need(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTSTP);
	need(kill(-child, SIGCONT) == 0);
	need(waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status));
	need(write(master, "\034", 1) == 1);
	need(waitpid(child, &status, 0) == child);
	need(WIFSIGNALED(status) && WTERMSIG(status) == SIGQUIT);
}

START_TEST(suspend_stops_and_cont_continues)
{
	ck_assert_int_eq(in_session(suspend_and_continue), 0);
}
END_TEST

static void
background_is_stopped(void)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		char c;

		setpgid(0, 0);
		_exit(read(slave, &c, 1) == 1 && c == 'y' ? 7 : 8);
	}
	setpgid(child, child);
	need(waitpid(child, &status, WUNTRACED) == child);
	need(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTIN);
	signal(SIGTTOU, SIG_IGN);
	need(tcsetpgrp(slave, child) == 0);
	need(kill(child, SIGCONT) == 0);
	need(write(master, "y\r", 2) == 2);
	need(waitpid(child, &status, 0) == child);
	need(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

START_TEST(a_background_reader_is_stopped)
{
	ck_assert_int_eq(in_session(background_is_stopped), 0);
}
END_TEST

static void
tostop(void)
{
	struct termios t;
	int status;
	pid_t child;

	need(tcgetattr(slave, &t) == 0);
	t.c_lflag |= TOSTOP;
	need(tcsetattr(slave, TCSANOW, &t) == 0);
	child = fork();
	if (child == 0) {
		setpgid(0, 0);
		_exit(write(slave, "x", 1) == 1 ? 0 : 1);
	}
	setpgid(child, child);
	need(waitpid(child, &status, WUNTRACED) == child);
	need(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTOU);
	kill(child, SIGKILL);
	need(waitpid(child, &status, 0) == child);
}

START_TEST(tostop_stops_background_writers)
{
	ck_assert_int_eq(in_session(tostop), 0);
}
END_TEST

static void
ignored_ttin_is_eio(void)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		char c;

		setpgid(0, 0);
		signal(SIGTTIN, SIG_IGN);
		_exit(read(slave, &c, 1) == -1 && errno == EIO ? 0 : 1);
	}
	need(waitpid(child, &status, 0) == child && status == 0);
}

START_TEST(a_reader_that_ignores_ttin_gets_eio)
{
	ck_assert_int_eq(in_session(ignored_ttin_is_eio), 0);
}
END_TEST

static volatile sig_atomic_t winch;
static void on_winch(int s) { (void)s; winch = 1; }

static void
winch_comes(void)
{
	struct winsize ws = { 50, 132, 0, 0 };
	struct sigaction sa = { .sa_handler = on_winch };

	sigaction(SIGWINCH, &sa, NULL);
	need(ioctl(master, TIOCSWINSZ, &ws) == 0);
	for (int i = 0; i < 500 && !winch; i++)
		usleep(10000);
	need(winch);
}

START_TEST(a_new_size_signals_the_foreground)
{
	ck_assert_int_eq(in_session(winch_comes), 0);
}
END_TEST

static void
wait_for_hangup(void)
{
	close(master);		/* the parent's copy is still open: closed below by the parent */
	for (;;)
		pause();
}

START_TEST(closing_the_master_hangs_the_session_up)
{
	int status;
	pid_t pid = (pid_t)ck_ok(fork());

	if (pid == 0) {
		setsid();
		if (ioctl(slave, TIOCSCTTY, 0) != 0)
			_exit(100);
		dprintf(slave, "r");
		wait_for_hangup();
	}
	expect("r");
	close(master);
	ck_ok(waitpid(pid, &status, 0));
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP);
	master = open("/dev/null", O_RDONLY);
}
END_TEST

/* Each mount of devpts is one of its own; ptmx makes terminals in the one that it is in, or that is mounted beside it. */
START_TEST(devpts_instances)
{
	char name[64], other[64];
	struct stat st;
	int m, n, nr;

	ck_ok(mkdir("/tmp/dev", 0755));
	ck_ok(mkdir("/tmp/dev/pts", 0755));
	ck_ok(mknod("/tmp/dev/ptmx", S_IFCHR | 0666, makedev(5, 2)));
	ck_fails(open("/tmp/dev/ptmx", O_RDWR | O_NOCTTY), ENODEV);
	ck_ok(mount("mine", "/tmp/dev/pts", "devpts", 0, "mode=640,ptmxmode=666"));
	ck_ok(stat("/tmp/dev/pts/ptmx", &st));
	ck_assert_uint_eq(st.st_mode, S_IFCHR | 0666);
	ck_assert(st.st_rdev == makedev(5, 2));
	for (int i = 0; i < 2; i++) {
		m = (int)ck_ok(open(i == 0 ? "/tmp/dev/ptmx" : "/tmp/dev/pts/ptmx", O_RDWR | O_NOCTTY));
		ck_ok(ioctl(m, TIOCGPTN, &nr));
		snprintf(name, sizeof(name), "/tmp/dev/pts/%d", nr);
		ck_ok(stat(name, &st));
		ck_assert_uint_eq(st.st_mode, S_IFCHR | 0640);
		n = 0;
		ck_ok(ioctl(m, TIOCSPTLCK, &n));
		n = (int)ck_ok(open(name, O_RDWR | O_NOCTTY));
		ck_assert_int_eq(write(n, "x", 1), 1);
		ck_assert_int_eq(read(m, other, 1), 1);
		snprintf(other, sizeof(other), "/dev/pts/%d", nr);
		ck_assert(stat(other, &st) != 0 || st.st_mode != (S_IFCHR | 0640));	/* at least not ours */
		close(n);
		close(m);
		ck_fails(stat(name, &st), ENOENT);
	}
	m = (int)ck_ok(open("/tmp/dev/pts/ptmx", O_RDWR | O_NOCTTY));
	ck_ok(umount2("/tmp/dev/pts", MNT_DETACH));
	ck_ok(ioctl(m, TIOCGPTN, &nr));			/* the instance lives on */
	close(m);
	ck_fails(open("/tmp/dev/ptmx", O_RDWR | O_NOCTTY), ENODEV);
	ck_ok(rmdir("/tmp/dev/pts"));
	ck_fails(open("/tmp/dev/ptmx", O_RDWR | O_NOCTTY), ENOENT);
	ck_ok(unlink("/tmp/dev/ptmx"));
	ck_ok(rmdir("/tmp/dev"));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("pty");
	TCase *t = tcase_create("line"), *j = tcase_create("job");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_locked_slave_cannot_be_opened);
	tcase_add_test(t, openpty_and_ttyname);
	tcase_add_test(t, default_modes);
	tcase_add_test(t, a_line_is_echoed_and_read);
	tcase_add_test(t, output_is_post_processed);
	tcase_add_test(t, editing);
	tcase_add_test(t, end_of_file);
	tcase_add_test(t, fionread_counts);
	tcase_add_test(t, raw_min_and_time);
	tcase_add_test(t, window_size_and_sigwinch);
	tcase_add_test(t, hang_up_by_the_master);
	tcase_add_test(t, the_master_sees_the_last_close);
	tcase_add_test(t, packet_mode);
	tcase_add_test(t, output_blocks_when_nobody_reads);
	tcase_add_checked_fixture(j, set_up, tear_down);
	tcase_add_test(j, the_leader_acquires_the_terminal);
	tcase_add_test(j, dev_tty_needs_a_terminal);
	tcase_add_test(j, interrupt_goes_to_the_foreground_group);
	tcase_add_test(j, suspend_stops_and_cont_continues);
	tcase_add_test(j, a_background_reader_is_stopped);
	tcase_add_test(j, tostop_stops_background_writers);
	tcase_add_test(j, a_reader_that_ignores_ttin_gets_eio);
	tcase_add_test(j, a_new_size_signals_the_foreground);
	tcase_add_test(j, closing_the_master_hangs_the_session_up);
	tcase_add_test(j, devpts_instances);
	suite_add_tcase(s, t);
	suite_add_tcase(s, j);
	return guest_run(s);
}
