/* SPDX-License-Identifier: BSD-2-Clause */
/* inotify(7): what is told, in which order, to whom; the queue, its limit; watches that end. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "guest.h"

#define D "/tmp/fs_inotify"

static int in;
static char text[4096];

static void
setup(void)
{
	umask(022);
	system("rm -rf " D);
	ck_ok(mkdir(D, 0755));
	ck_ok(chdir(D));
	close(ck_ok(open("f", O_CREAT | O_RDWR, 0644)));
	ck_ok(mkdir("d", 0755));
	close(ck_ok(open("d/f", O_CREAT | O_RDWR, 0644)));
	in = ck_ok(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
}

static void
teardown(void)
{
	close(in);
}

static int
watch(const char *path, uint32_t mask)
{
	return (int)ck_ok(inotify_add_watch(in, path, mask));
}

/* All that is queued, as "wd:mask[:name] ..."; cookies as "+" where there is one. */
static const char *
drain(void)
{
	char buf[16384] __attribute__((aligned(8)));
	ssize_t n;
	char *out = text;

	*out = '\0';
	while ((n = read(in, buf, sizeof(buf))) > 0) {
		for (char *p = buf; p < buf + n; ) {
			struct inotify_event *e = (struct inotify_event *)p;

			out += snprintf(out, (size_t)(text + sizeof(text) - out), "%s%d:%x%s%s%s", out == text ? "" : " ", e->wd, e->mask,
				e->cookie ? "+" : "", e->len ? ":" : "", e->len ? e->name : "");
			p += sizeof(*e) + e->len;
		}
	}
	ck_assert_int_eq(n, -1);
	ck_assert_int_eq(errno, EAGAIN);
	return text;
}

START_TEST(a_file)
{
	char c = 'x';
	int fd;

	ck_assert_int_eq(watch("f", IN_ALL_EVENTS), 1);
	ck_assert_str_eq(drain(), "");
	fd = ck_ok(open("f", O_RDWR));
	ck_assert_int_eq(write(fd, &c, 1), 1);
	ck_assert_int_eq(pread(fd, &c, 1, 0), 1);
	ck_assert_int_eq(read(fd, &c, 1), 0);		/* nothing read, nothing told */
	ck_ok(fchmod(fd, 0600));
	ck_ok(ftruncate(fd, 0));
	close(fd);
	ck_assert_str_eq(drain(), "1:20 1:2 1:1 1:4 1:2 1:8");
	close(ck_ok(open("f", O_RDONLY)));
	close(ck_ok(open("f", O_PATH)));
	close(ck_ok(open("f", O_WRONLY | O_TRUNC)));
	ck_assert_str_eq(drain(), "1:20 1:10 1:2 1:20 1:8");
	ck_ok(utimes("f", NULL));
	ck_ok(chown("f", 0, 0));
	ck_ok(truncate("f", 5));
	ck_ok(setxattr("f", "trusted.x", "1", 1, 0));
	ck_ok(removexattr("f", "trusted.x"));
	ck_ok(link("f", "g"));
	ck_assert_str_eq(drain(), "1:4 1:2 1:4");
	ck_ok(rename("g", "h"));
	ck_ok(unlink("h"));
	ck_assert_str_eq(drain(), "1:800 1:4");
	ck_ok(rename("f", "f2"));
	ck_ok(unlink("f2"));
	ck_assert_str_eq(drain(), "1:800 1:4 1:400 1:8000");
	ck_fails(inotify_rm_watch(in, 1), EINVAL);
}
END_TEST

START_TEST(a_directory)
{
	int fd;

	ck_assert_int_eq(watch("d", IN_ALL_EVENTS), 1);
	fd = ck_ok(open("d/new", O_CREAT | O_RDWR, 0644));
	ck_assert_str_eq(drain(), "1:100:new 1:20:new");
	ck_assert_int_eq(write(fd, "abc", 3), 3);
	close(fd);
	ck_assert_str_eq(drain(), "1:2:new 1:8:new");
	ck_ok(chmod("d/new", 0600));
	ck_ok(mkdir("d/sub", 0755));
	ck_ok(symlink("x", "d/sym"));
	ck_ok(mkfifo("d/fifo", 0644));
	ck_ok(link("d/new", "d/hard"));
	ck_assert_str_eq(drain(), "1:4:new 1:40000100:sub 1:100:sym 1:100:fifo 1:100:hard");
	ck_ok(unlink("d/hard"));
	ck_ok(rmdir("d/sub"));
	ck_assert_str_eq(drain(), "1:200:hard 1:40000200:sub");
	ck_ok(chmod("d", 0700));
	ck_assert_str_eq(drain(), "1:40000004");
	fd = ck_ok(open("d", O_RDONLY | O_DIRECTORY));
	close(fd);
	ck_assert_str_eq(drain(), "1:40000020 1:40000010");
	system("rm -rf d");
	ck_assert_ptr_ne(strstr(drain(), "1:200:f "), NULL);
	ck_assert_ptr_ne(strstr(text, "1:400 1:8000"), NULL);
}
END_TEST

START_TEST(readdir_is_access)
{
	char buf[4096];
	FILE *p;

	watch("d", IN_ACCESS);
	p = popen("ls d", "r");
	while (fgets(buf, sizeof(buf), p))
		;
	pclose(p);
	ck_assert_str_eq(drain(), "1:40000001");
}
END_TEST

START_TEST(renames)
{
	char buf[512] __attribute__((aligned(8)));
	struct inotify_event *e = (struct inotify_event *)buf;
	uint32_t cookie;

	ck_assert_int_eq(watch("d", IN_MOVE | IN_CREATE | IN_DELETE), 1);
	ck_assert_int_eq(watch(".", IN_MOVE | IN_CREATE | IN_DELETE), 2);
	ck_ok(rename("d/f", "moved"));
	ck_assert_int_eq(read(in, buf, sizeof(buf)), 2 * 32);
	ck_assert_uint_eq(e->mask, IN_MOVED_FROM);
	ck_assert_int_eq(e->wd, 1);
	ck_assert_uint_eq(e->len, 16);
	ck_assert_str_eq(e->name, "f");
	ck_assert_uint_ne(e->cookie, 0);
	cookie = e->cookie;
	e = (struct inotify_event *)(buf + 32);
	ck_assert_uint_eq(e->mask, IN_MOVED_TO);
	ck_assert_int_eq(e->wd, 2);
	ck_assert_uint_eq(e->cookie, cookie);
	ck_assert_str_eq(e->name, "moved");
	ck_ok(rename("moved", "f"));				/* over another: no IN_DELETE */
	ck_assert_str_eq(drain(), "2:40+:moved 2:80+:f");
	ck_ok(mkdir("e", 0755));
	ck_ok(rename("e", "d/e"));
	ck_assert_str_eq(drain(), "2:40000100:e 2:40000040+:e 1:40000080+:e");
	ck_ok(syscall(SYS_renameat2, AT_FDCWD, "d/e", AT_FDCWD, "f", 2 /* RENAME_EXCHANGE */));
	ck_assert_str_eq(drain(), "1:40000040+:e 2:40000080+:f 2:40+:f 1:80+:e");
	ck_ok(rename("f", "f"));
	ck_assert_str_eq(drain(), "");
}
END_TEST

START_TEST(replaced_file_ends)
{
	close(ck_ok(open("t", O_CREAT | O_RDWR, 0644)));
	ck_assert_int_eq(watch("t", IN_ALL_EVENTS), 1);
	ck_assert_int_eq(watch("f", IN_ALL_EVENTS), 2);
	ck_ok(rename("f", "t"));
	ck_assert_str_eq(drain(), "1:4 2:800 1:400 1:8000");
}
END_TEST

START_TEST(unlinked_but_open)
{
	int fd = ck_ok(open("d/f", O_RDWR));

	ck_assert_int_eq(watch("d", IN_MODIFY | IN_DELETE | IN_CLOSE), 1);
	ck_assert_int_eq(watch("d/f", IN_DELETE_SELF | IN_ATTRIB | IN_CLOSE), 2);
	ck_ok(unlink("d/f"));
	ck_assert_str_eq(drain(), "2:4 1:200:f");
	ck_assert_int_eq(write(fd, "x", 1), 1);
	ck_assert_str_eq(drain(), "1:2:f");
	close(fd);
	ck_assert_str_eq(drain(), "1:8:f 2:8 2:400 2:8000");
}
END_TEST

START_TEST(excl_unlink)
{
	int fd = ck_ok(open("d/f", O_RDWR));

	watch("d", IN_MODIFY | IN_DELETE | IN_CLOSE | IN_EXCL_UNLINK);
	ck_assert_int_eq(write(fd, "x", 1), 1);
	ck_ok(unlink("d/f"));
	ck_assert_int_eq(write(fd, "x", 1), 1);
	close(fd);
	ck_assert_str_eq(drain(), "1:2:f 1:200:f");
}
END_TEST

START_TEST(masks)
{
	ck_assert_int_eq(watch("f", IN_OPEN), 1);
	ck_assert_int_eq(watch("f", IN_CLOSE), 1);		/* replaced */
	close(ck_ok(open("f", O_RDONLY)));
	ck_assert_str_eq(drain(), "1:10");
	ck_assert_int_eq(watch("f", IN_OPEN | IN_MASK_ADD), 1);
	close(ck_ok(open("f", O_RDONLY)));
	ck_assert_str_eq(drain(), "1:20 1:10");
	ck_fails(inotify_add_watch(in, "f", IN_OPEN | 0x10000000 /* IN_MASK_CREATE */), EEXIST);
	ck_assert_int_eq(watch("d/f", IN_OPEN | 0x10000000), 2);
	ck_fails(inotify_add_watch(in, "f", IN_OPEN | IN_MASK_ADD | 0x10000000), EINVAL);
	ck_fails(inotify_add_watch(in, "f", 0), EINVAL);
	ck_fails(inotify_add_watch(in, "f", 0x00010000), EINVAL);
	ck_fails(inotify_add_watch(in, "f", IN_ONLYDIR | IN_OPEN), ENOTDIR);
	ck_fails(inotify_add_watch(in, "none", IN_OPEN), ENOENT);
	ck_fails(inotify_add_watch(-1, "f", IN_OPEN), EBADF);
	ck_fails(inotify_add_watch(0, "f", IN_OPEN), EINVAL);
	ck_fails(inotify_rm_watch(in, 99), EINVAL);
	ck_fails(inotify_rm_watch(in, -1), EINVAL);
	ck_fails(inotify_rm_watch(0, 1), EINVAL);
	ck_fails(inotify_init1(1), EINVAL);
	ck_ok(inotify_rm_watch(in, 1));
	ck_assert_str_eq(drain(), "1:8000");
	ck_assert_int_eq(watch("f", IN_OPEN), 3);		/* numbers are not used again */
	ck_ok(symlink("f", "link"));
	ck_assert_int_eq(watch("link", IN_OPEN | IN_DONT_FOLLOW), 4);
	ck_assert_int_eq(watch("link", IN_OPEN), 3);
}
END_TEST

START_TEST(oneshot)
{
	watch("f", IN_OPEN | IN_CLOSE | IN_ONESHOT);
	close(ck_ok(open("f", O_RDONLY)));
	ck_assert_str_eq(drain(), "1:20 1:8000");
	close(ck_ok(open("f", O_RDONLY)));
	ck_assert_str_eq(drain(), "");
	ck_assert_int_eq(watch("d", IN_OPEN | IN_ONESHOT), 2);
	close(ck_ok(open("d/f", O_RDONLY)));
	close(ck_ok(open("d/f", O_RDONLY)));
	ck_assert_str_eq(drain(), "2:20:f 2:8000");
}
END_TEST

START_TEST(equal_events_join)
{
	int fd = ck_ok(open("f", O_RDWR)), n;

	watch("f", IN_MODIFY | IN_ATTRIB);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(write(fd, "x", 1), 1);
	ck_ok(ioctl(in, FIONREAD, &n));
	ck_assert_int_eq(n, 16);
	ck_ok(fchmod(fd, 0600));
	ck_assert_int_eq(write(fd, "x", 1), 1);
	ck_ok(ioctl(in, FIONREAD, &n));
	ck_assert_int_eq(n, 48);
	ck_assert_str_eq(drain(), "1:2 1:4 1:2");
	ck_ok(ioctl(in, FIONREAD, &n));
	ck_assert_int_eq(n, 0);
	close(fd);
}
END_TEST

START_TEST(reading)
{
	char buf[64];
	struct pollfd p = { .fd = in, .events = POLLIN | POLLOUT };

	watch("d", IN_OPEN);
	ck_assert_int_eq(poll(&p, 1, 0), 0);
	close(ck_ok(open("d/f", O_RDONLY)));
	ck_assert_int_eq(poll(&p, 1, 0), 1);
	ck_assert_int_eq(p.revents, POLLIN);
	ck_fails(read(in, buf, 31), EINVAL);		/* an event and its name don't fit */
	close(ck_ok(open("d", O_RDONLY)));
	ck_assert_int_eq(read(in, buf, 47), 32);	/* whole events only */
	ck_assert_int_eq(read(in, buf, 64), 16);
	ck_fails(read(in, buf, 64), EAGAIN);
	ck_fails(write(in, buf, 1), EBADF);
	close(ck_ok(open("d", O_RDONLY)));
	ck_fails(read(in, (char *)8, 64), EFAULT);
}
END_TEST

START_TEST(waits_for_an_event)
{
	int fd = ck_ok(inotify_init());
	char buf[64];
	pid_t pid;

	ck_ok(inotify_add_watch(fd, "d", IN_CREATE));
	pid = ck_ok(fork());
	if (pid == 0) {
		usleep(50000);
		_exit(mkdir("d/x", 0755) != 0);
	}
	ck_assert_int_eq(read(fd, buf, sizeof(buf)), 32);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	close(fd);
}
END_TEST

static int
get_sysctl(const char *name)
{
	char path[100];
	FILE *f;
	int v = -1;

	snprintf(path, sizeof(path), "/proc/sys/fs/inotify/%s", name);
	f = fopen(path, "r");
	ck_assert_ptr_ne(f, NULL);
	ck_assert_int_eq(fscanf(f, "%d", &v), 1);
	fclose(f);
	return v;
}

static void
set_sysctl(const char *name, int v)
{
	char path[100], num[16];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/fs/inotify/%s", name);
	fd = ck_ok(open(path, O_WRONLY));
	snprintf(num, sizeof(num), "%d\n", v);
	ck_ok(write(fd, num, strlen(num)));
	close(fd);
}

START_TEST(limits)
{
	int fds[200], n = 0, old = get_sysctl("max_queued_events"), watches = get_sysctl("max_user_watches");

	ck_assert_int_eq(old, 16384);
	ck_assert_int_eq(get_sysctl("max_user_instances"), 128);
	ck_assert_int_ge(watches, 8192);
	while (n < 200 && (fds[n] = inotify_init1(0)) >= 0)
		n++;
	ck_assert_int_eq(errno, EMFILE);
	ck_assert_int_eq(n, 127);				/* and the one of setup */
	while (n > 0)
		close(fds[--n]);
	close(in);
	set_sysctl("max_queued_events", 3);
	set_sysctl("max_user_watches", 2);
	in = ck_ok(inotify_init1(IN_NONBLOCK));
	watch("d", IN_OPEN | IN_CLOSE);
	for (int i = 0; i < 5; i++)
		close(ck_ok(open("d/f", O_RDONLY)));
	ck_assert_str_eq(drain(), "1:20:f 1:10:f 1:20:f -1:4000");
	close(ck_ok(open("d/f", O_RDONLY)));
	ck_assert_str_eq(drain(), "1:20:f 1:10:f");
	watch("f", IN_OPEN);
	ck_fails(inotify_add_watch(in, ".", IN_OPEN), ENOSPC);
	set_sysctl("max_queued_events", old);
	set_sysctl("max_user_watches", watches);
	watch(".", IN_OPEN);
}
END_TEST

START_TEST(unmount)
{
	ck_ok(mkdir("m", 0755));
	ck_ok(mount("t", "m", "tmpfs", 0, ""));
	close(ck_ok(open("m/f", O_CREAT | O_RDWR, 0644)));
	watch("m", IN_OPEN);
	ck_ok(umount("m"));
	ck_assert_str_eq(drain(), "1:40002000 1:8000");
	ck_fails(inotify_rm_watch(in, 1), EINVAL);
}
END_TEST

START_TEST(no_events_wanted)
{
	ck_ok(mkdir("m", 0755));
	ck_ok(mount("t", "m", "tmpfs", 0, ""));
	close(ck_ok(open("m/f", O_CREAT | O_RDWR, 0644)));
	watch("m", IN_ONLYDIR);
	watch("m/f", IN_EXCL_UNLINK);
	close(ck_ok(open("m/f", O_RDONLY)));
	ck_assert_str_eq(drain(), "");
	ck_ok(unlink("m/f"));
	ck_assert_str_eq(drain(), "2:8000");
	ck_ok(umount("m"));
	ck_assert_str_eq(drain(), "1:40002000 1:8000");
	ck_fails(inotify_rm_watch(in, 1), EINVAL);
}
END_TEST

START_TEST(unknown_bits)
{
	ck_fails(inotify_add_watch(in, "f", 0), EINVAL);
	for (uint32_t bit = 1; bit != 0; bit <<= 1) {
		uint32_t known = IN_ALL_EVENTS | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK |
			0x10000000 /* IN_MASK_CREATE */ | IN_MASK_ADD | IN_ISDIR | IN_ONESHOT;
		int fd = ck_ok(inotify_init1(0));

		if (bit & known)
			ck_ok(inotify_add_watch(fd, "d", bit));
		else
			ck_fails(inotify_add_watch(fd, "d", bit | IN_OPEN), EINVAL);
		close(fd);
	}
}
END_TEST

/* The limit is that of the time when the instance was made; one overflow stands in the queue, whatever is read before it. */
START_TEST(one_overflow)
{
	int old = get_sysctl("max_queued_events");
	char buf[32];

	set_sysctl("max_queued_events", 3);
	close(in);
	in = ck_ok(inotify_init1(IN_NONBLOCK));
	set_sysctl("max_queued_events", old);
	watch("d", IN_OPEN | IN_CLOSE);
	for (int i = 0; i < 5; i++)
		close(ck_ok(open("d/f", O_RDONLY)));
	ck_assert_int_eq(read(in, buf, sizeof(buf)), 32);
	ck_assert_int_eq(read(in, buf, sizeof(buf)), 32);
	for (int i = 0; i < 5; i++)
		close(ck_ok(open("d/f", O_RDONLY)));
	ck_assert_str_eq(drain(), "1:20:f -1:4000 1:20:f");
}
END_TEST

static int
make_many(void)
{
	int n = 0;

	while (n < 300 && inotify_init1(0) >= 0)
		n++;
	return n;
}

/* They count for the effective user. */
START_TEST(counted_for_the_user)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		int n = make_many();

		if (n != 127 || errno != EMFILE)
			_exit(1);
		if (seteuid(1234) != 0 || make_many() != 128 || errno != EMFILE)
			_exit(2);
		_exit(0);
	}
	ck_ok(waitpid(pid, &status, 0));
	ck_assert_int_eq(status, 0);
	for (int i = 0; i < 50 && (pid = inotify_init1(0)) < 0; i++)
		usleep(20000);
	ck_ok(pid);
}
END_TEST

START_TEST(path_only)
{
	int fd;

	watch("f", IN_ALL_EVENTS);
	fd = ck_ok(open("f", O_PATH));
	ck_assert_str_eq(drain(), "");
	close(fd);
	ck_assert_str_eq(drain(), "");
}
END_TEST

START_TEST(copies)
{
	int a = ck_ok(open("f", O_RDWR)), b = ck_ok(open("d/f", O_RDWR));

	ck_ok(write(a, "hello", 5));
	watch("f", IN_ALL_EVENTS);
	watch("d/f", IN_ALL_EVENTS);
	ck_assert_int_eq(copy_file_range(a, &(off_t){ 0 }, b, &(off_t){ 0 }, 5, 0), 5);
	ck_assert_str_eq(drain(), "2:2 1:1 2:2");
	ck_assert_int_eq(sendfile(b, a, &(off_t){ 0 }, 5), 5);
	ck_assert_str_eq(drain(), "2:2 1:1 2:2");
	ck_ok(truncate("f", 2));
	ck_ok(truncate("f", 2));
	ck_ok(ftruncate(b, 9));
	ck_ok(fchmod(a, 0600));
	ck_ok(futimens(a, NULL));
	ck_ok(fchown(b, 1, 1));
	ck_assert_str_eq(drain(), "1:2 2:2 1:4 2:4");
}
END_TEST

START_TEST(needs_read_permission)
{
	ck_ok(chmod("f", 0200));
	ck_ok(setuid(1000));
	ck_fails(inotify_add_watch(in, "f", IN_OPEN), EACCES);
	ck_ok(inotify_add_watch(in, "d", IN_OPEN));
}
END_TEST

START_TEST(others)
{
	int fd, out[2];
	char line[256], want[64];
	struct stat st;
	FILE *f;

	watch("f", IN_ACCESS | IN_MODIFY);
	ck_ok(pipe(out));
	fd = ck_ok(open("f", O_RDWR));
	ck_ok(posix_fallocate(fd, 0, 100));
	ck_assert_str_eq(drain(), "1:2");
	ck_assert_int_eq(sendfile(out[1], fd, NULL, 10), 10);
	ck_assert_str_eq(drain(), "1:1");
	ck_ok(fstat(fd, &st));
	snprintf(line, sizeof(line), "/proc/self/fdinfo/%d", in);
	snprintf(want, sizeof(want), "inotify wd:1 ino:%lx sdev:", (unsigned long)st.st_ino);
	f = fopen(line, "r");
	while (fgets(line, sizeof(line), f) && strncmp(line, "inotify", 7) != 0)
		;
	ck_assert_int_eq(strncmp(line, want, strlen(want)), 0);
	ck_assert_ptr_ne(strstr(line, "mask:3 ignored_mask:0 "), NULL);
	fclose(f);
	close(fd);
}
END_TEST

START_TEST(two_instances)
{
	int other = ck_ok(inotify_init1(IN_NONBLOCK));
	char buf[64];

	watch("f", IN_OPEN);
	ck_assert_int_eq(inotify_add_watch(other, "f", IN_CLOSE), 1);
	close(ck_ok(open("f", O_RDONLY)));
	ck_assert_str_eq(drain(), "1:20");
	ck_assert_int_eq(read(other, buf, sizeof(buf)), 16);
	ck_assert_uint_eq(((struct inotify_event *)(void *)buf)->mask, IN_CLOSE_NOWRITE);
	close(other);
	close(ck_ok(open("f", O_RDONLY)));
	ck_assert_str_eq(drain(), "1:20");
}
END_TEST

/* Watches come and go while files do, on several CPUs: nothing is asserted but that all of it ends, and nothing is left behind. */
static volatile bool stop;

static void *
churn_files(void *arg)
{
	char a[32], b[32];

	snprintf(a, sizeof(a), "d/a%ld", (long)arg);
	snprintf(b, sizeof(b), "d/b%ld", (long)arg);
	while (!stop) {
		close(open(a, O_CREAT | O_RDWR, 0644));
		rename(a, b);
		link(b, a);
		unlink(b);
		unlink(a);
	}
	return NULL;
}

static void *
churn_watches(void *arg)
{
	char name[32], buf[4096];
	int fd = inotify_init1(IN_NONBLOCK);

	snprintf(name, sizeof(name), "d/a%ld", (long)arg);
	for (unsigned n = 0; !stop; n++) {
		int wd = inotify_add_watch(fd, "d", IN_ALL_EVENTS | (n % 3 == 0 ? IN_ONESHOT : 0));

		inotify_add_watch(fd, name, IN_ALL_EVENTS);
		while (read(fd, buf, sizeof(buf)) > 0)
			;
		if (n % 2)
			inotify_rm_watch(fd, wd);
		if (n % 16 == 0) {
			close(fd);
			fd = inotify_init1(IN_NONBLOCK);
		}
	}
	close(fd);
	return NULL;
}

START_TEST(racing)
{
	pthread_t t[6];

	stop = false;
	for (long i = 0; i < 6; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, i < 3 ? churn_files : churn_watches, (void *)(i % 3)), 0);
	usleep(1000000);
	stop = true;
	for (int i = 0; i < 6; i++)
		pthread_join(t[i], NULL);
	watch("d", IN_OPEN);
	close(ck_ok(open("d", O_RDONLY)));
	ck_assert_str_eq(drain(), "1:40000020");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("fs_inotify");
	TCase *t = tcase_create("events");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_file);
	tcase_add_test(t, a_directory);
	tcase_add_test(t, readdir_is_access);
	tcase_add_test(t, renames);
	tcase_add_test(t, replaced_file_ends);
	tcase_add_test(t, unlinked_but_open);
	tcase_add_test(t, excl_unlink);
	tcase_add_test(t, masks);
	tcase_add_test(t, oneshot);
	tcase_add_test(t, equal_events_join);
	tcase_add_test(t, reading);
	tcase_add_test(t, waits_for_an_event);
	tcase_add_test(t, limits);
	tcase_add_test(t, unmount);
	tcase_add_test(t, no_events_wanted);
	tcase_add_test(t, unknown_bits);
	tcase_add_test(t, one_overflow);
	tcase_add_test(t, counted_for_the_user);
	tcase_add_test(t, path_only);
	tcase_add_test(t, copies);
	tcase_add_test(t, needs_read_permission);
	tcase_add_test(t, others);
	tcase_add_test(t, two_instances);
	tcase_add_test(t, racing);
	suite_add_tcase(s, t);
	return guest_run(s);
}
