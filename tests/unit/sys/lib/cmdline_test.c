/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's command line.
 * sources: sys/lib/cmdline.c
 */
#include "tests/unit/test.h"

#include "sys/abi/errno.h"
#include "sys/lib/cmdline.h"

static const char *const line =
	"BOOT_IMAGE=/boot/lintel  root=/dev/vda ro\tconsole=tty1 console=ttyS0,115200 quiet "
	"name=\"two words\" \"whole=in quotes\" empty= log-level=4 root=LABEL=x -- single root=/init console=none";

static char buf[64];

TEST(last_one_wins)
{
	ck_assert_int_eq(cmdline_get(line, "root", buf, sizeof(buf)), 7);
	ck_assert_str_eq(buf, "LABEL=x");
	ck_assert_int_eq(cmdline_get(line, "BOOT_IMAGE", buf, sizeof(buf)), 12);
}

TEST(bare_and_empty)
{
	ck_assert_int_eq(cmdline_get(line, "ro", buf, sizeof(buf)), 0);
	ck_assert_str_eq(buf, "");
	ck_assert_int_eq(cmdline_get(line, "empty", buf, sizeof(buf)), 0);
	ck_assert(cmdline_has(line, "quiet"));
	ck_assert(cmdline_has(line, "console"));
	ck_assert(!cmdline_has(line, "quie"));
	ck_assert(!cmdline_has(line, "quiets"));
	ck_assert(!cmdline_has(line, "single"));
	strcpy(buf, "kept");
	ck_assert_int_eq(cmdline_get(line, "nothere", buf, sizeof(buf)), -ENOENT);
	ck_assert_str_eq(buf, "kept");
}

TEST(each_occurrence)
{
	const char *pos = line;

	ck_assert_int_eq(cmdline_get_next(&pos, "console", buf, sizeof(buf)), 4);
	ck_assert_str_eq(buf, "tty1");
	ck_assert_int_eq(cmdline_get_next(&pos, "console", buf, sizeof(buf)), 12);
	ck_assert_str_eq(buf, "ttyS0,115200");
	ck_assert_int_eq(cmdline_get_next(&pos, "console", buf, sizeof(buf)), -ENOENT);
	ck_assert_int_eq(cmdline_get_next(&pos, "console", buf, sizeof(buf)), -ENOENT);
}

TEST(quotes_and_dashes)
{
	ck_assert_int_eq(cmdline_get(line, "name", buf, sizeof(buf)), 9);
	ck_assert_str_eq(buf, "two words");
	ck_assert_int_eq(cmdline_get(line, "whole", buf, sizeof(buf)), 9);
	ck_assert_str_eq(buf, "in quotes");
	ck_assert_int_eq(cmdline_get(line, "log_level", buf, sizeof(buf)), 1);
	ck_assert_int_eq(cmdline_get("a=\"open b=1", "a", buf, sizeof(buf)), 8);
	ck_assert_str_eq(buf, "open b=1");
}

TEST(cut_values)
{
	ck_assert_int_eq(cmdline_get(line, "name", buf, 4), 9);
	ck_assert_str_eq(buf, "two");
	ck_assert_int_eq(cmdline_get(line, "name", NULL, 0), 9);
}

TEST(arguments_of_init)
{
	ck_assert_str_eq(cmdline_init_args(line), "single root=/init console=none");
	ck_assert_str_eq(cmdline_init_args("-- "), "");
	ck_assert_ptr_null(cmdline_init_args("a --b c--"));
	ck_assert_ptr_null(cmdline_init_args(""));
}

TEST(odd_lines)
{
	struct cmdline_word w;
	const char *pos = " = =x \"\" ";

	ck_assert(cmdline_next(&pos, &w));
	ck_assert(w.key_len == 0 && w.value && w.value_len == 0);
	ck_assert(cmdline_next(&pos, &w));
	ck_assert(w.key_len == 0 && w.value_len == 1);
	ck_assert(cmdline_next(&pos, &w));
	ck_assert(w.key_len == 2 && !w.value);
	ck_assert(!cmdline_next(&pos, &w));
	ck_assert_int_eq(cmdline_get("", "x", buf, sizeof(buf)), -ENOENT);
}

TEST(random_bytes_end)
{
	for (int r = 0; r < 5000; r++) {
		size_t n = unit_rand_below(30);
		char *s = malloc(n + 1);

		for (size_t i = 0; i < n; i++)
			s[i] = "a=\" -\t"[unit_rand_below(6)];
		s[n] = 0;
		cmdline_get(s, "a", buf, sizeof(buf));
		cmdline_init_args(s);
		free(s);
	}
}
