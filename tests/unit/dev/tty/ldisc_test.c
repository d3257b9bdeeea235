/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The line discipline, as a person at a terminal and a program behind it see it.
 * sources: dev/tty/ldisc.c
 */
#include "tests/unit/test.h"


#include "dev/tty/ldisc.h"
#include "sys/abi/signal.h"

static struct ldisc ld;
static char out[65536];		/* what the driver got */
static unsigned out_len, out_room;
static int last_signal, flushes;
static bool held;

static u32
put(struct ldisc *l, const u8 *p, u32 n)
{
	(void)l;
	if (n > out_room)
		n = out_room;
	memcpy(out + out_len, p, n);
	out_len += n;
	out_room -= n;
	out[out_len] = '\0';
	return n;
}
static u32 room(struct ldisc *l) { (void)l; return out_room; }
static void sig(struct ldisc *l, int s) { (void)l; last_signal = s; }
static void flush_output(struct ldisc *l) { (void)l; flushes++; }
static void stop(struct ldisc *l, bool s) { (void)l; held = s; }
static const struct ldisc_ops ops = { put, room, sig, flush_output, stop };

void
unit_setup(void)
{
	ldisc_init(&ld, &ops);
	out_len = 0;
	out[0] = '\0';
	out_room = 60000;
	last_signal = flushes = 0;
	held = false;
}

static u32 type(const char *s) { return ldisc_receive(&ld, (const u8 *)s, NULL, (u32)strlen(s)); }

/* One read(2): the data as a string; "" may be an end of file. */
static const char *
rd(u32 n, bool *eof)
{
	static char buf[8192];
	bool line;
	u32 got = ldisc_read(&ld, (u8 *)buf, n, eof, &line);

	buf[got] = '\0';
	return buf;
}
static const char *rd_all(void) { bool eof; return rd(8000, &eof); }

static void
set(u32 iflag_on, u32 lflag_off, u32 lflag_on)
{
	struct abi_termios t = ld.t;

	t.c_iflag |= iflag_on;
	t.c_lflag = (t.c_lflag & ~lflag_off) | lflag_on;
	ldisc_set_termios(&ld, &t);
}

TEST(a_line_is_readable_when_complete)
{
	type("hel");
	ck_assert(!ldisc_readable(&ld, 1));
	type("lo\rnext");
	ck_assert(ldisc_readable(&ld, 1));
	ck_assert_str_eq(rd_all(), "hello\n");
	ck_assert(!ldisc_readable(&ld, 1));
	ck_assert_str_eq(out, "hello\r\nnext");
}

TEST(a_read_ends_at_its_line)
{
	type("a\nb\n");
	ck_assert_str_eq(rd_all(), "a\n");
	ck_assert_str_eq(rd_all(), "b\n");
}

TEST(a_short_read_leaves_the_rest_of_the_line)
{
	bool eof;

	type("abcdef\n");
	ck_assert_str_eq(rd(3, &eof), "abc");
	ck_assert(ldisc_readable(&ld, 1));
	ck_assert_str_eq(rd(30, &eof), "def\n");
}

TEST(erase_takes_one_character_and_its_picture)
{
	type("ab\x7f" "c\n");
	ck_assert_str_eq(rd_all(), "ac\n");
	ck_assert_str_eq(out, "ab\b \bc\r\n");
}

TEST(erase_stops_at_the_line)
{
	type("x\n\x7f\x7fy\n");
	ck_assert_str_eq(rd_all(), "x\n");
	ck_assert_str_eq(rd_all(), "y\n");
}

TEST(erase_of_utf8_takes_the_whole_character)
{
	set(IUTF8, 0, 0);
	type("a\xc3\xa9\x7f" "b\n");
	ck_assert_str_eq(rd_all(), "ab\n");
	ck_assert_str_eq(out, "a\xc3\xa9\b \bb\r\n");
}

TEST(erase_of_a_tab_goes_back_its_width)
{
	type("ab\t\x7f" "c\n");
	ck_assert_str_eq(rd_all(), "abc\n");
	ck_assert_str_eq(out, "ab\t\b\b\b\b\b\bc\r\n");
}

TEST(erase_of_a_control_character_takes_two_columns)
{
	type("a\001\x7f\n");
	ck_assert_str_eq(rd_all(), "a\n");
	ck_assert_str_eq(out, "a^A\b \b\b \b\r\n");
}

TEST(kill_takes_the_line)
{
	type("abc\025d\n");
	ck_assert_str_eq(rd_all(), "d\n");
	ck_assert_str_eq(out, "abc\b \b\b \b\b \bd\r\n");
}

TEST(werase_takes_a_word)
{
	type("foo bar  \027x\n");
	ck_assert_str_eq(rd_all(), "foo x\n");
}

TEST(literal_next)
{
	type("a\026\003b\n");
	ck_assert_str_eq(rd_all(), "a\003b\n");
	ck_assert_int_eq(last_signal, 0);
}

TEST(reprint_shows_the_line_again)
{
	type("ab\022");
	ck_assert_str_eq(out, "ab^R\r\nab");
}

TEST(eof_on_an_empty_line_is_an_end)
{
	bool eof;

	type("\004");
	ck_assert(ldisc_readable(&ld, 1));
	ck_assert_str_eq(rd(10, &eof), "");
	ck_assert(eof);
	ck_assert(!ldisc_readable(&ld, 1));
}

TEST(eof_behind_data_pushes_it)
{
	bool eof;

	type("abc\004");
	ck_assert_str_eq(rd(10, &eof), "abc");
	ck_assert(!ldisc_readable(&ld, 1));
}

TEST(eof_right_behind_a_full_read_is_no_second_end)
{
	bool eof;

	type("abc\004");
	ck_assert_str_eq(rd(3, &eof), "abc");
	ck_assert(!ldisc_readable(&ld, 1));
}

TEST(interrupt_flushes_and_signals)
{
	type("abc\003");
	ck_assert_int_eq(last_signal, SIGINT);
	ck_assert_int_eq(flushes, 1);
	type("d\n");
	ck_assert_str_eq(rd_all(), "d\n");
	ck_assert_str_eq(out, "^Cd\r\n");	/* the echo of abc was still in the ring: flushed */
}

TEST(quit_and_suspend)
{
	type("\034");
	ck_assert_int_eq(last_signal, SIGQUIT);
	type("\032");
	ck_assert_int_eq(last_signal, SIGTSTP);
}

TEST(no_isig_is_data)
{
	set(0, ISIG, 0);
	type("\003\n");
	ck_assert_str_eq(rd_all(), "\003\n");
	ck_assert_int_eq(last_signal, 0);
}

TEST(noflsh_keeps_input)
{
	set(0, 0, NOFLSH);
	type("ab\003c\n");
	ck_assert_str_eq(rd_all(), "abc\n");
}

TEST(flow_control_holds_output)
{
	type("\023");
	ck_assert(held);
	ck_assert_int_eq(ldisc_write(&ld, (const u8 *)"x", 1), 0);
	type("\021");
	ck_assert(!held);
	ck_assert_int_eq(ldisc_write(&ld, (const u8 *)"x", 1), 1);
}

TEST(raw_input_counts_bytes)
{
	set(0, ICANON | ECHO, 0);
	ck_assert(!ldisc_readable(&ld, 1));
	type("ab");
	ck_assert(ldisc_readable(&ld, 2));
	ck_assert(!ldisc_readable(&ld, 3));
	ck_assert_str_eq(rd_all(), "ab");
}

TEST(going_raw_frees_the_partial_line)
{
	type("part");
	set(0, ICANON, 0);
	ck_assert_str_eq(rd_all(), "part");
}

TEST(going_canonical_keeps_raw_bytes)
{
	set(0, ICANON, 0);
	type("raw");
	set(0, 0, ICANON);
	ck_assert(ldisc_readable(&ld, 1));
	ck_assert_str_eq(rd_all(), "raw");
}

TEST(cr_and_nl_are_mapped)
{
	struct abi_termios t = ld.t;

	t.c_iflag = INLCR;
	ldisc_set_termios(&ld, &t);
	type("\n");
	ck_assert(!ldisc_readable(&ld, 1));
	t.c_iflag = IGNCR;
	ldisc_set_termios(&ld, &t);
	type("\r\n");
	ck_assert_str_eq(rd_all(), "\r\n");	/* the first one became CR, and stayed */
}

TEST(a_line_without_end_overflows_but_can_be_ended)
{
	for (int i = 0; i < 6000; i++)
		ck_assert_int_eq(type("x"), 1);
	type("\n");
	ck_assert(ldisc_readable(&ld, 1));
	ck_assert_int_eq(strlen(rd_all()), LDISC_SIZE);
}

TEST(complete_lines_hold_input_back)
{
	unsigned total = 0;

	for (int i = 0; i < 10000 && type("y\n") == 2; i++)
		total += 2;
	ck_assert_uint_ge(total, LDISC_SIZE - 2);
	ck_assert_uint_le(total, LDISC_SIZE);
	ck_assert_str_eq(rd_all(), "y\n");
	ck_assert_int_eq(type("z"), 1);
}

TEST(output_is_post_processed)
{
	ck_assert_int_eq(ldisc_write(&ld, (const u8 *)"a\nb\n", 4), 4);
	ck_assert_str_eq(out, "a\r\nb\r\n");
}

TEST(output_stops_where_the_driver_is_full)
{
	out_room = 3;
	ck_assert_int_eq(ldisc_write(&ld, (const u8 *)"ab\ncd", 5), 2);	/* "\r\n" does not fit any more */
	out_room = 10;
	ck_assert_int_eq(ldisc_write(&ld, (const u8 *)"\ncd", 3), 3);
	ck_assert_str_eq(out, "ab\r\ncd");
}

TEST(tabs_are_expanded_to_columns)
{
	ld.t.c_oflag |= XTABS;
	ldisc_write(&ld, (const u8 *)"ab\tc\n\td", 7);
	ck_assert_str_eq(out, "ab      c\r\n        d");
}

TEST(echo_waits_for_room)
{
	out_room = 2;
	type("abcd");
	ck_assert_str_eq(out, "ab");
	out_room = 100;
	ck_assert(ldisc_flush_echo(&ld));
	ck_assert_str_eq(out, "abcd");
}

TEST(break_interrupts_or_is_marked)
{
	u8 c = 0, kind = LD_BREAK;

	set(BRKINT, 0, 0);
	ldisc_receive(&ld, &c, &kind, 1);
	ck_assert_int_eq(last_signal, SIGINT);
	ld.t.c_iflag = PARMRK;
	ld.t.c_lflag = 0;
	ldisc_receive(&ld, &c, &kind, 1);
	ck_assert_uint_eq(ldisc_available(&ld), 3);
}

TEST(available_counts_complete_lines_without_ends_of_file)
{
	type("ab\ncd\004ef");
	ck_assert_uint_eq(ldisc_available(&ld), 5);
}

/* Anything may come in, in any mode, in any order: nothing leaves its bounds, and a reader gets no more than was typed. */
TEST(random_input_in_random_modes)
{
	unsigned seed = 12345, in = 0, got = 0;

	for (int i = 0; i < 200000; i++) {
		struct abi_termios t = ld.t;
		u8 bytes[8], kinds[8];
		bool eof, line;
		u8 dst[64];

		seed = seed * 1103515245 + 12345;
		for (int k = 0; k < 8; k++) {
			bytes[k] = (u8)(seed >> (k + 3)) & ((i & 1) ? 0x1f : 0xff);
			kinds[k] = (seed >> 20) % 50 == 0 ? (u8)(seed >> 9) % 5 : LD_NORMAL;
		}
		if (i % 97 == 0) {
			t.c_iflag = seed >> 5 & 077777;
			t.c_lflag = seed >> 7 & 0177777;
			t.c_oflag = seed >> 3 & 077;
			ldisc_set_termios(&ld, &t);
		}
		in += ldisc_receive(&ld, bytes, kinds, 8);
		if (i % 3 == 0)
			got += ldisc_read(&ld, dst, sizeof(dst), &eof, &line);
		if (out_room < 1000)
			out_len = 0, out_room = 60000;
		ck_assert_uint_le(ld.head - ld.tail, LDISC_SIZE);
		ck_assert_uint_le(ld.canon_head - ld.tail, ld.head - ld.tail);
		ck_assert_uint_le(ld.echo_head - ld.echo_tail, LDISC_ECHO);
	}
	ck_assert_uint_le(got, 3 * in);
	ck_assert_uint_gt(got, 1000);
}
