/* SPDX-License-Identifier: BSD-2-Clause */
/* execve(2): scripts, hostile ELF files, limits of arguments, what survives, set-user-ID. */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "guest.h"

static void
make_file(const char *path, const void *data, size_t size, int mode)
{
	int fd;

	unlink(path);
	fd = ck_ok(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
	ck_assert_int_eq(write(fd, data, size), size);
	ck_ok(fchmod(fd, mode));
	ck_ok(close(fd));
}

static void
make_script(const char *path, const char *text)
{
	make_file(path, text, strlen(text), 0755);
}

/* Exec it in a child: the wait status, or -errno. */
static int
run(const char *path, char *const argv[])
{
	static int *err;
	char *const empty[] = { NULL };
	int status;
	pid_t pid;

	if (err == NULL)
		err = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*err = 0;
	pid = ck_ok(fork());
	if (pid == 0) {
		dup2(open("/dev/null", O_WRONLY), 1);
		dup2(1, 2);
		execve(path, argv, empty);
		*err = errno;
		_exit(126);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return *err != 0 ? -*err : status;
}

static int
run_plain(const char *path)
{
	char *const argv[] = { (char *)path, NULL };

	return run(path, argv);
}

START_TEST(auxiliary_vector)
{
	char *const argv[] = { "auxv", "/aid/auxv", NULL };

	ck_assert_int_eq(run("/aid/auxv", argv), 0);
}
END_TEST

START_TEST(scripts_run)
{
	char *const argv[] = { "x", "a", "b", NULL };

	make_script("/tmp/s1", "#!/bin/busybox sh\ntest \"$0 $1 $2 $#\" = \"/tmp/s1 a b 2\" || exit 1\nexit 3\n");
	ck_assert_int_eq(run("/tmp/s1", argv), 3 << 8);
	make_script("/tmp/s2", "#! \t /aid/hello one argument \t \n");
	ck_assert_int_eq(run("/tmp/s2", argv), 4 << 8);		/* "one argument", /tmp/s2, a, b */
	make_script("/tmp/s3", "#!/aid/hello");
	ck_assert_int_eq(run("/tmp/s3", argv), 3 << 8);
}
END_TEST

START_TEST(bad_scripts)
{
	char text[400];

	make_script("/tmp/b1", "#!\n");
	ck_assert_int_eq(run_plain("/tmp/b1"), -ENOEXEC);
	make_script("/tmp/b1", "#!   \t\n");
	ck_assert_int_eq(run_plain("/tmp/b1"), -ENOEXEC);
	make_script("/tmp/b1", "#!/no/such/interpreter\n");
	ck_assert_int_eq(run_plain("/tmp/b1"), -ENOENT);
	make_script("/tmp/b1", "#!/tmp\n");
	ck_assert_int_eq(run_plain("/tmp/b1"), -EACCES);
	memset(text, 'a', sizeof(text));
	memcpy(text, "#!/", 3);
	make_file("/tmp/b1", text, sizeof(text), 0755);		/* the name does not end within the first 256 bytes */
	ck_assert_int_eq(run_plain("/tmp/b1"), -ENOEXEC);
	memcpy(text, "#!/aid/hello ", 13);
	make_file("/tmp/b1", text, sizeof(text), 0755);		/* but an argument may be cut off */
	ck_assert_int_eq(run_plain("/tmp/b1"), 2 << 8);
	memset(text + 2, ' ', sizeof(text) - 2);
	make_file("/tmp/b1", text, sizeof(text), 0755);
	ck_assert_int_eq(run_plain("/tmp/b1"), -ENOEXEC);
}
END_TEST

START_TEST(scripts_of_scripts)
{
	char name[20], text[40];

	make_script("/tmp/d0", "#!/aid/hello\n");
	for (int i = 1; i < 8; i++) {
		snprintf(name, sizeof(name), "/tmp/d%d", i);
		snprintf(text, sizeof(text), "#!/tmp/d%d\n", i - 1);
		make_script(name, text);
	}
	ck_assert_int_eq(run_plain("/tmp/d0"), 1 << 8);
	ck_assert_int_eq(run_plain("/tmp/d4"), 5 << 8);
	ck_assert_int_eq(run_plain("/tmp/d5"), -ELOOP);
	make_script("/tmp/self", "#!/tmp/self\n");
	ck_assert_int_eq(run_plain("/tmp/self"), -ELOOP);
}
END_TEST

START_TEST(files_that_are_no_programs)
{
	make_file("/tmp/n", "", 0, 0755);
	ck_assert_int_eq(run_plain("/tmp/n"), -ENOEXEC);
	make_file("/tmp/n", "hello", 5, 0755);
	ck_assert_int_eq(run_plain("/tmp/n"), -ENOEXEC);
	make_file("/tmp/n", "hello", 5, 0644);
	ck_assert_int_eq(run_plain("/tmp/n"), -EACCES);
	ck_assert_int_eq(run_plain("/tmp"), -EACCES);
	ck_assert_int_eq(run_plain("/dev/null"), -EACCES);
	ck_assert_int_eq(run_plain("/tmp/n/x"), -ENOTDIR);
	ck_assert_int_eq(run_plain(""), -ENOENT);
	unlink("/tmp/loop");
	ck_ok(symlink("loop", "/tmp/loop"));
	ck_assert_int_eq(run_plain("/tmp/loop"), -ELOOP);
}
END_TEST

START_TEST(busy_text)
{
	int fd;

	make_script("/tmp/busy", "#!/aid/hello\n");
	fd = ck_ok(open("/tmp/busy", O_WRONLY));
	ck_assert_int_eq(run_plain("/tmp/busy"), -ETXTBSY);
	close(fd);
	ck_assert_int_eq(run_plain("/tmp/busy"), 1 << 8);
	ck_fails(open("/proc/self/exe", O_WRONLY), ETXTBSY);
}
END_TEST

/* --- ELF files made by hand --- */

struct image { Elf64_Ehdr eh; Elf64_Phdr ph[3]; unsigned char code[16]; char interp[64]; };

/* mov $60, %eax; mov $7, %edi; syscall */
static const unsigned char exit_7[] = { 0xb8, 60, 0, 0, 0, 0xbf, 7, 0, 0, 0, 0x0f, 0x05 };

static struct image
good_image(void)
{
	struct image im = { .eh = { .e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = 1, .e_phoff = offsetof(struct image, ph),
		.e_ehsize = sizeof(Elf64_Ehdr), .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 1 } };

	memcpy(im.eh.e_ident, ELFMAG, SELFMAG);
	im.eh.e_ident[EI_CLASS] = ELFCLASS64;
	im.eh.e_ident[EI_DATA] = ELFDATA2LSB;
	im.eh.e_ident[EI_VERSION] = EV_CURRENT;
	im.ph[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = 0x400000, .p_filesz = sizeof(im),
		.p_memsz = sizeof(im), .p_align = 4096 };
	memcpy(im.code, exit_7, sizeof(exit_7));
	im.eh.e_entry = 0x400000 + offsetof(struct image, code);
	return im;
}

static int
run_image(const struct image *im)
{
	make_file("/tmp/elf", im, sizeof(*im), 0755);
	return run_plain("/tmp/elf");
}

START_TEST(a_good_elf_runs)
{
	struct image im = good_image();

	ck_assert_int_eq(run_image(&im), 7 << 8);
	im.ph[0].p_memsz = 0x5000;	/* with a bss: must be writable for that */
	im.ph[0].p_flags |= PF_W;
	ck_assert_int_eq(run_image(&im), 7 << 8);
}
END_TEST

START_TEST(position_independent_programs)
{
	struct image im = good_image();

	ck_assert_int_eq(run_plain("/aid/dynamic"), 0);
	im.eh.e_type = ET_DYN;		/* a static one */
	im.ph[0].p_vaddr = 0;
	im.eh.e_entry = offsetof(struct image, code);
	ck_assert_int_eq(run_image(&im), 7 << 8);
}
END_TEST

START_TEST(headers_are_checked)
{
	struct image im = good_image();

	im.eh.e_machine = EM_AARCH64;
	ck_assert_int_eq(run_image(&im), -ENOEXEC);
	im = good_image();
	im.eh.e_type = ET_REL;
	ck_assert_int_eq(run_image(&im), -ENOEXEC);
	im = good_image();
	im.eh.e_phentsize = 55;
	ck_assert_int_eq(run_image(&im), -ENOEXEC);
	im = good_image();
	im.eh.e_phnum = 0;
	ck_assert_int_eq(run_image(&im), -ENOEXEC);
	im = good_image();
	im.eh.e_phnum = 5000;
	ck_assert_int_eq(run_image(&im), -ENOEXEC);
	im = good_image();
	im.eh.e_phoff = 1UL << 40;
	ck_assert_int_eq(run_image(&im), -ENOEXEC);
	im = good_image();
	im.eh.e_phoff = -1UL;
	ck_assert_int_eq(run_image(&im), -ENOEXEC);
	im = good_image();
	make_file("/tmp/elf", &im, 40, 0755);	/* cut off inside the header */
	ck_assert_int_eq(run_plain("/tmp/elf"), -ENOEXEC);
	make_file("/tmp/elf", &im, 70, 0755);	/* inside the program headers */
	ck_assert_int_eq(run_plain("/tmp/elf"), -ENOEXEC);
}
END_TEST

START_TEST(bad_segments_kill)
{
	struct image im = good_image();

	im.ph[0].p_vaddr = 0xffff800000000000;
	ck_assert_int_eq(WTERMSIG(run_image(&im)), SIGSEGV);
	im = good_image();
	im.ph[0].p_filesz = 0x2000;		/* more in the file than in memory */
	ck_assert_int_eq(WTERMSIG(run_image(&im)), SIGSEGV);
	im = good_image();
	im.ph[0].p_offset = 7;			/* not congruent to the address */
	ck_assert_int_eq(WTERMSIG(run_image(&im)), SIGSEGV);
	im = good_image();
	im.ph[0].p_memsz = 1UL << 47;
	ck_assert_int_eq(WTERMSIG(run_image(&im)), SIGSEGV);
	im = good_image();
	im.eh.e_entry = 0;
	ck_assert_int_eq(WTERMSIG(run_image(&im)), SIGSEGV);
	im = good_image();
	im.eh.e_entry = 0xffffffff80000000;
	ck_assert_int_eq(WTERMSIG(run_image(&im)), SIGSEGV);
	im = good_image();
	im.ph[0].p_flags = PF_R;		/* not executable */
	ck_assert_int_eq(WTERMSIG(run_image(&im)), SIGSEGV);
	im = good_image();
	im.eh.e_type = ET_DYN;
	im.ph[0].p_type = PT_NOTE;		/* nothing to load */
	ck_assert_int_eq(WTERMSIG(run_image(&im)), SIGSEGV);
}
END_TEST

static int
run_with_interp(const char *interp, size_t size)
{
	struct image im = good_image();

	im.eh.e_phnum = 2;
	im.ph[1] = (Elf64_Phdr){ .p_type = PT_INTERP, .p_offset = offsetof(struct image, interp), .p_filesz = size };
	memcpy(im.interp, interp, strlen(interp) + 1);
	return run_image(&im);
}

START_TEST(interpreters)
{
	struct image im = good_image();

	ck_assert_int_eq(run_with_interp("/no/such", 9), -ENOENT);
	ck_assert_int_eq(run_with_interp("/no/such", 8), -ENOEXEC);	/* not terminated */
	ck_assert_int_eq(run_with_interp("x", 1), -ENOEXEC);
	ck_assert_int_eq(run_with_interp("x", 5000), -ENOEXEC);
	ck_assert_int_eq(run_with_interp("/tmp", 5), -EACCES);
	make_file("/tmp/i", "short", 5, 0755);
	ck_assert_int_eq(run_with_interp("/tmp/i", 7), -EIO);
	im.eh.e_machine = EM_386;
	make_file("/tmp/i", &im, sizeof(im), 0755);
	ck_assert_int_eq(run_with_interp("/tmp/i", 7), -ELIBBAD);
	im = good_image();
	im.eh.e_phnum = 0;
	make_file("/tmp/i", &im, sizeof(im), 0755);
	ck_assert_int_eq(run_with_interp("/tmp/i", 7), -ELIBBAD);
	im = good_image();
	im.eh.e_type = ET_DYN;
	im.ph[0].p_vaddr = 0;
	im.ph[0].p_flags |= PF_W;	/* Linux 6.1 zeroes the rest of an interpreter's last page */
	im.eh.e_entry = offsetof(struct image, code);
	im.code[6] = 9;			/* exits with 9 */
	make_file("/tmp/i", &im, sizeof(im), 0755);
	ck_assert_int_eq(run_with_interp("/tmp/i", 7), 9 << 8);
}
END_TEST

/* --- arguments --- */

START_TEST(argument_limits)
{
	char *big = malloc(200000), **many = malloc(400001 * sizeof(char *));
	char *argv[] = { "hello", big, NULL };

	memset(big, 'x', 200000);
	big[131071] = '\0';		/* 128 KiB with its NUL */
	ck_assert_int_eq(run("/aid/hello", argv), 1 << 8);
	big[131071] = 'x';
	big[131072] = '\0';
	ck_assert_int_eq(run("/aid/hello", argv), -E2BIG);
	for (int i = 0; i < 400000; i++)
		many[i] = "12345678901234567890123";
	many[400000] = NULL;
	ck_assert_int_eq(run("/aid/hello", many), -E2BIG);
	many[40000] = NULL;		/* 1.3 MB of the 2 MB that a stack of 8 MB allows */
	ck_assert_int_eq(run("/bin/busybox", many), 127 << 8);
	ck_assert_int_eq(run("/aid/hello", (char *const *)0x1000), -EFAULT);
	argv[1] = (char *)0x1000;
	ck_assert_int_eq(run("/aid/hello", argv), -EFAULT);
	argv[1] = (char *)0xffff888000000000;
	ck_assert_int_eq(run("/aid/hello", argv), -EFAULT);
}
END_TEST

START_TEST(no_arguments_at_all)
{
	char *const argv[] = { NULL };

	ck_assert_int_eq(run("/aid/hello", argv), 0);	/* argc is 1 */
	ck_assert_int_eq(run("/aid/hello", NULL), 0);
}
END_TEST

/* --- execveat --- */

static int
run_at(int dirfd, const char *path, int flags)
{
	char *const argv[] = { "x", NULL };
	char *const envp[] = { NULL };
	int status;
	pid_t pid = ck_ok(fork());

	if (pid == 0) {
		dup2(open("/dev/null", O_WRONLY), 1);
		syscall(SYS_execveat, dirfd, path, argv, envp, flags);
		_exit(errno);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

START_TEST(by_descriptor)
{
	int dir = ck_ok(open("/aid", O_RDONLY | O_DIRECTORY)), fd, script;

	ck_assert_int_eq(run_at(dir, "auxv", 0), 0);
	fd = ck_ok(open("/aid/auxv", O_RDONLY | O_CLOEXEC));
	ck_assert_int_eq(run_at(fd, "", AT_EMPTY_PATH), 0);
	ck_assert_int_eq(run_at(fd, "", 0), ENOENT);
	ck_assert_int_eq(run_at(dir, "auxv", 0x8000), EINVAL);
	ck_assert_int_eq(run_at(999, "x", 0), EBADF);
	make_script("/tmp/fs", "#!/aid/hello\n");
	script = ck_ok(open("/tmp/fs", O_RDONLY));
	ck_assert_int_eq(run_at(script, "", AT_EMPTY_PATH), 1);
	ck_ok(fcntl(script, F_SETFD, FD_CLOEXEC));
	ck_assert_int_eq(run_at(script, "", AT_EMPTY_PATH), ENOENT);
	unlink("/tmp/ln");
	ck_ok(symlink("/aid/auxv", "/tmp/ln"));
	ck_assert_int_eq(run_at(AT_FDCWD, "/tmp/ln", AT_SYMLINK_NOFOLLOW), ELOOP);
}
END_TEST

/* --- what stays and what goes --- */

START_TEST(cloexec_and_name)
{
	int keep = ck_ok(open("/dev/null", O_RDONLY)), drop = ck_ok(open("/dev/null", O_RDONLY | O_CLOEXEC)), status;
	pid_t pid = ck_ok(fork());

	if (pid == 0) {
		char script[200];

		snprintf(script, sizeof(script), "test -e /proc/self/fd/%d && test ! -e /proc/self/fd/%d && "
			"test \"$(cat /proc/$$/comm)\" = busybox", keep, drop);
		execl("/bin/busybox", "sh", "-c", script, (char *)NULL);
		_exit(99);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

/* Copy a program, so that its mode can be changed. */
static void
copy_program(const char *from, const char *to, int mode, int uid, int gid)
{
	static char buf[4 << 20];
	int fd = ck_ok(open(from, O_RDONLY));
	ssize_t n = read(fd, buf, sizeof(buf));

	close(fd);
	ck_assert_int_gt(n, 0);
	make_file(to, buf, (size_t)n, 0700);
	ck_ok(chown(to, (uid_t)uid, (gid_t)gid));
	ck_ok(chmod(to, (mode_t)mode));
}

/* As user 1000: a set-id copy of /aid/ids tells what it runs as. (busybox would drop it.) */
static int
run_setid(int mode, int uid, int gid, const char *expect, int no_new_privs)
{
	char script[200];
	int status;
	pid_t pid;

	copy_program("/aid/ids", "/tmp/ids", mode, uid, gid);
	snprintf(script, sizeof(script), "test \"$(/tmp/ids)\" = \"%s\"", expect);
	pid = ck_ok(fork());
	if (pid == 0) {
		if (no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
			_exit(98);
		if (setgid(1000) || setuid(1000))
			_exit(97);
		execl("/bin/busybox", "sh", "-c", script, (char *)NULL);
		_exit(99);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

START_TEST(set_id_programs)
{
	ck_assert_int_eq(run_setid(0755, 0, 0, "1000 1000", 0), 0);
	ck_assert_int_eq(run_setid(04755, 1, 0, "1 1000", 0), 0);
	ck_assert_int_eq(run_setid(02755, 0, 5, "1000 5", 0), 0);
	ck_assert_int_eq(run_setid(02745, 0, 5, "1000 1000", 0), 0);	/* no group x: mandatory locking, not set-id */
	ck_assert_int_eq(run_setid(06755, 1, 5, "1 5", 0), 0);
	ck_assert_int_eq(run_setid(06755, 1, 5, "1000 1000", 1), 0);
}
END_TEST

START_TEST(root_program_is_secure)
{
	int status;
	pid_t pid;

	copy_program("/aid/auxv", "/tmp/auxv-root", 04755, 0, 0);
	pid = ck_ok(fork());
	if (pid == 0) {
		if (setuid(1000))
			_exit(97);
		execl("/tmp/auxv-root", "x", (char *)NULL);
		_exit(99);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), 8);	/* AT_SECURE is 1 */
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("proc_exec");
	TCase *core = tcase_create("core");

	tcase_add_test(core, auxiliary_vector);
	tcase_add_test(core, position_independent_programs);
	tcase_add_test(core, scripts_run);
	tcase_add_test(core, bad_scripts);
	tcase_add_test(core, scripts_of_scripts);
	tcase_add_test(core, files_that_are_no_programs);
	tcase_add_test(core, busy_text);
	tcase_add_test(core, a_good_elf_runs);
	tcase_add_test(core, headers_are_checked);
	tcase_add_test(core, bad_segments_kill);
	tcase_add_test(core, interpreters);
	tcase_add_test(core, argument_limits);
	tcase_add_test(core, no_arguments_at_all);
	tcase_add_test(core, by_descriptor);
	tcase_add_test(core, cloexec_and_name);
	tcase_add_test(core, set_id_programs);
	tcase_add_test(core, root_program_is_secure);
	suite_add_tcase(suite, core);
	return guest_run(suite);
}
