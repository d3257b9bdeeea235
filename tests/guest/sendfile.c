/* SPDX-License-Identifier: BSD-2-Clause */
/* sendfile: which files it takes, positions. Linux sendfile(2). */
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "guest.h"

START_TEST(a_file_goes_into_a_pipe)
{
	int fd = ck_ok(open("/tmp/sendfile", O_RDWR | O_CREAT | O_TRUNC, 0600)), pipes[2];
	char buf[16] = "";
	off_t pos = 2;

	ck_assert_int_eq(write(fd, "0123456789", 10), 10);
	ck_ok(pipe(pipes));
	ck_assert_int_eq(sendfile(pipes[1], fd, &pos, 4), 4);
	ck_assert_int_eq(pos, 6);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 10);
	ck_assert_int_eq(sendfile(pipes[1], fd, NULL, 4), 0);
	ck_assert_int_eq(lseek(fd, 8, SEEK_SET), 8);
	ck_assert_int_eq(sendfile(pipes[1], fd, NULL, 100), 2);
	ck_assert_int_eq(read(pipes[0], buf, sizeof(buf)), 6);
	ck_assert_str_eq(buf, "234589");
	unlink("/tmp/sendfile");
}
END_TEST

START_TEST(what_has_no_position_is_einval)
{
	int pipes[2], tty = ck_ok(open("/dev/ptmx", O_RDWR | O_NOCTTY)), out;

	ck_ok(pipe(pipes));
	out = ck_ok(open("/dev/null", O_WRONLY));
	ck_fails(sendfile(out, tty, NULL, 16), EINVAL);
	ck_fails(sendfile(out, pipes[0], NULL, 16), EINVAL);
	ck_fails(sendfile(out, out, NULL, 16), EBADF);
	ck_fails(sendfile(-1, tty, NULL, 16), EBADF);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sendfile");
	TCase *core = tcase_create("core");

	tcase_add_test(core, a_file_goes_into_a_pipe);
	tcase_add_test(core, what_has_no_position_is_einval);
	suite_add_tcase(suite, core);
	return guest_run(suite);
}
