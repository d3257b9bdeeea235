/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line: the kernel's words, and what init gets.
 * sources: sys/params.c
 */
#include "tests/unit/test.h"
#include "sys/log.h"
#include "sys/panic.h"
#include "sys/params.h"
#include "sys/percpu.h"
#include "sys/syscall.h"

int panic_timeout;
bool panic_on_oops;
static char traced[32];

void
syscall_trace_set(const char *value)
{
	snprintf(traced, sizeof(traced), "%s", value);
}

TEST(nothing_gives_the_defaults)
{
	params_parse("");
	ck_assert_uint_eq(params.max_cpus, CPU_MAX);
	ck_assert_ptr_null(params.init);
	ck_assert_str_eq(params.rdinit, "/init");
	ck_assert_str_eq(params.envp[0], "HOME=/");
	ck_assert_str_eq(params.envp[1], "TERM=linux");
	ck_assert_ptr_null(params.envp[2]);
	ck_assert_ptr_null(params.argv[1]);
}

TEST(kernel_words_are_taken)
{
	params_parse("console=ttyS0 quiet panic=-1 maxcpus=3 init=/bin/sh rdinit=\"/my init\" trace_syscalls=ls root=/dev/vda ro");
	ck_assert_int_eq(log_console_level, 4);
	ck_assert_int_eq(panic_timeout, -1);
	ck_assert_uint_eq(params.max_cpus, 3);
	ck_assert_str_eq(params.init, "/bin/sh");
	ck_assert_str_eq(params.rdinit, "/my init");
	ck_assert_str_eq(traced, "ls");
	ck_assert_ptr_null(params.argv[1]);
	ck_assert_ptr_null(params.envp[2]);
}

TEST(the_last_one_counts)
{
	params_parse("maxcpus=3 loglevel=2 nosmp loglevel=6");
	ck_assert_uint_eq(params.max_cpus, 1);
	ck_assert_int_eq(log_console_level, 6);
}

TEST(unknown_words_go_to_init)
{
	params_parse("single FOO=bar mod.opt=1 x=\"a b\" -- --quiet maxcpus=1 last");
	ck_assert_str_eq(params.argv[1], "single");
	ck_assert_str_eq(params.argv[2], "--quiet");
	ck_assert_str_eq(params.argv[3], "maxcpus=1");
	ck_assert_str_eq(params.argv[4], "last");
	ck_assert_ptr_null(params.argv[5]);
	ck_assert_str_eq(params.envp[2], "FOO=bar");
	ck_assert_str_eq(params.envp[3], "x=a b");
	ck_assert_ptr_null(params.envp[4]);
	ck_assert_uint_eq(params.max_cpus, CPU_MAX);
}

TEST(bad_values_are_ignored)
{
	log_console_level = 5;
	params_parse("maxcpus=many loglevel= panic=9999999999 loglevel=99 oops=maybe");
	ck_assert_uint_eq(params.max_cpus, CPU_MAX);
	ck_assert_int_eq(log_console_level, 5);
	ck_assert_int_eq(panic_timeout, 0);
	ck_assert(!panic_on_oops);
}

TEST(a_flood_of_words_is_cut)
{
	static char line[20000];
	size_t n = 0;

	for (int i = 0; i < 2000; i++)
		n += (size_t)snprintf(line + n, sizeof(line) - n, "w%d v%d=1 ", i % 10, i % 10);
	params_parse(line);
	ck_assert_ptr_null(params.argv[INIT_ARGS_MAX + 1]);
	ck_assert_ptr_null(params.envp[INIT_ARGS_MAX + 2]);
	ck_assert_str_eq(params.argv[1], "w0");
}
