/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log ring: order, overwriting, levels, consoles.
 * sources: sys/log.c
 */
#include "tests/unit/test.h"
#include "sys/clock_update.h"
#include "sys/log.h"
#include "sys/watchdog.h"

void watchdog_touch(void) { }

static char shown[65536];
static size_t shown_len;

nsec_t
clock_now_try(void)
{
	return 1234567000L;
}

static void
show(struct log_console *c, const char *text, size_t len)
{
	ck_assert_uint_lt(shown_len + len, sizeof(shown));
	memcpy(shown + shown_len, text, len);
	shown_len += len;
	shown[shown_len] = '\0';
}

static struct log_console console = { .name = "test", .write = show };
static struct log_console early = { .name = "early", .write = show, .early = true };

TEST(records_come_back_in_order)
{
	struct log_record rec;
	char text[64];

	log_info("one");
	log_warn("two %d", 2);
	ck_assert_int_eq(log_read(0, &rec, text, sizeof(text)), 1);
	ck_assert_uint_eq(rec.seq, 0);
	ck_assert_uint_eq(rec.level, LOG_INFO);
	ck_assert_uint_eq(rec.len, 3);
	ck_assert(memcmp(text, "one", 3) == 0);
	ck_assert_int_eq(log_read(1, &rec, text, sizeof(text)), 1);
	ck_assert_uint_eq(rec.level, LOG_WARNING);
	ck_assert(memcmp(text, "two 2", rec.len) == 0);
	ck_assert_int_eq(log_read(2, &rec, text, sizeof(text)), 0);
	ck_assert_uint_eq(log_next_seq(), 2);
}

TEST(newlines_at_the_end_and_overlong_lines_are_cut)
{
	struct log_record rec;
	char text[1024], big[2000];

	log_info("line\n\n");
	ck_assert_int_eq(log_read(0, &rec, text, sizeof(text)), 1);
	ck_assert_uint_eq(rec.len, 4);
	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	log_info("%s", big);
	ck_assert_int_eq(log_read(1, &rec, text, sizeof(text)), 1);
	ck_assert_uint_gt(rec.len, 400);
	ck_assert_uint_lt(rec.len, 512);
}

TEST(a_small_buffer_gets_the_start)
{
	struct log_record rec;
	char text[4] = "...";

	log_info("abcdef");
	ck_assert_int_eq(log_read(0, &rec, text, 2), 1);
	ck_assert_uint_eq(rec.len, 6);
	ck_assert_str_eq(text, "ab.");
}

TEST(old_records_are_overwritten)
{
	struct log_record rec;
	char text[512], want[512];
	u64 first, n = 0;

	for (unsigned i = 0; i < 10000; i++)
		log_debug("record %u %.*s", i, (int)(i % 200), "................................................................"
			"................................................................................................................................");
	first = log_first_seq();
	ck_assert_uint_gt(first, 0);
	ck_assert_uint_eq(log_next_seq(), 10000);
	for (u64 seq = first; log_read(seq, &rec, text, sizeof(text)); seq = rec.seq + 1, n++) {
		snprintf(want, sizeof(want), "record %u ", (unsigned)rec.seq);
		ck_assert(memcmp(text, want, strlen(want)) == 0);
	}
	ck_assert_uint_eq(first + n, 10000);
	ck_assert_uint_gt(n, 500);
}

TEST(consoles_show_what_is_below_the_level)
{
	log_console_register(&console, false);
	log_console_level = LOG_INFO;
	log_info("quiet");
	log_notice("loud");
	ck_assert_str_eq(shown, "[    1.234567] loud\n");
}

TEST(a_late_console_gets_the_replay_and_ends_the_early_one)
{
	log_console_level = LOG_DEBUG;
	log_console_register(&early, true);
	log_info("first");
	log_console_register(&console, true);
	log_info("second");
	ck_assert_str_eq(shown, "[    1.234567] first\n[    1.234567] first\n[    1.234567] second\n");
	log_console_unregister(&console);
	log_info("unseen");
	ck_assert_ptr_null(strstr(shown, "unseen"));
}

TEST(clearing_moves_a_mark_only)
{
	struct log_record rec;

	log_info("a");
	log_clear();
	log_info("b");
	ck_assert_uint_eq(log_clear_seq(), 1);
	ck_assert_int_eq(log_read(0, &rec, NULL, 0), 1);
	ck_assert_uint_eq(rec.seq, 0);
}
