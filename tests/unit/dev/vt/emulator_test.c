/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The terminal emulator: sequences against the screens they must give (console_codes(4), VT102 manual, xterm's ctlseqs).
 * sources: dev/vt/emulator.c dev/vt/screen.c dev/vt/sgr.c dev/vt/charset.c
 */
#include "tests/unit/test.h"

#include "dev/vt/emulator.h"

#define COLS	10u
#define ROWS	4u
#define HISTORY	6u

static struct emulator em;
static char answers[256];
static unsigned bells;

static void
on_reply(struct emulator *e, const char *s, u32 n)
{
	strncat(answers, s, n);
}

static void
on_bell(struct emulator *e)
{
	bells++;
}

static const struct emulator_ops ops = { .reply = on_reply, .bell = on_bell };

static void
start(u32 cols, u32 rows, u32 history)
{
	void *storage = aligned_alloc(8, (emulator_storage_size(cols, rows, history) + 7) & ~7UL);

	free(em.storage);
	answers[0] = '\0';
	bells = 0;
	emulator_init(&em, &ops, storage, cols, rows, history);
}

void
unit_setup(void)
{
	start(COLS, ROWS, HISTORY);
}

void
unit_teardown(void)
{
	free(em.storage);
	em.storage = NULL;
}

static void
feed(const char *s)
{
	emulator_write(&em, (const u8 *)s, strlen(s));
}

/* Lines without trailing blanks, each followed by '|'; what is not ASCII is '?'. */
static const char *
display(void)
{
	static char out[4096];
	char *p = out;

	for (u32 r = 0; r < em.rows; r++) {
		const struct cell *c = emulator_view_row(&em, r);
		u32 n = em.cols;

		while (n > 0 && c[n - 1].code == ' ')
			n--;
		for (u32 i = 0; i < n; i++)
			*p++ = c[i].code < 0x80 ? (char)c[i].code : '?';
		*p++ = '|';
	}
	*p = '\0';
	return out;
}

#define SHOWS(text)	ck_assert_str_eq(display(), text)
#define AT(px, py)	do { ck_assert_uint_eq(em.cur.x, px); ck_assert_uint_eq(em.cur.y, py); } while (0)

static void
check_feed(const char *in, const char *screen, u32 x, u32 y)
{
	start(COLS, ROWS, HISTORY);
	feed(in);
	ck_assert_msg(strcmp(display(), screen) == 0 && em.cur.x == x && em.cur.y == y,
		"%s gives %s at %u,%u instead of %s at %u,%u", in + (in[0] == 27), display(), em.cur.x, em.cur.y, screen, x, y);
}

/* ten lines 0..9 would scroll: these fill the screen */
#define FULL	"aaaa\r\nbbbb\r\ncccc\r\ndddd"

TEST(sequences_give_these_screens)
{
	static const struct { const char *in, *screen; u32 x, y; } t[] = {
		{ "abc", "abc||||", 3, 0 },
		{ "abc\rX\nY", "Xbc| Y|||", 2, 1 },
		{ "a\tb", "a       b||||", 9, 0 },
		{ "abc\b\bX", "aXc||||", 2, 0 },
		{ "\b\b", "||||", 0, 0 },
		/* the wrap waits for the next character */
		{ "0123456789", "0123456789||||", 9, 0 },
		{ "0123456789a", "0123456789|a|||", 1, 1 },
		{ "0123456789\ra", "a123456789||||", 1, 0 },
		{ "0123456789\033[Da", "01234567a9||||", 9, 0 },
		{ "0123456789\033[K", "012345678||||", 9, 0 },
		{ "\033[?7l0123456789ab", "012345678b||||", 9, 0 },
		/* scrolling */
		{ "1\r\n2\r\n3\r\n4\r\n5", "2|3|4|5|", 1, 3 },
		{ "a\033D\033Eb", "a||b||", 1, 2 },
		{ "\033MX", "X||||", 1, 0 },
		{ FULL "\033[H\033M", "|aaaa|bbbb|cccc|", 0, 0 },
		/* cursor */
		{ "\033[3;5HX", "||    X||", 5, 2 },
		{ "\033[HX\033[;3fY", "X Y||||", 3, 0 },
		{ "\033[99;99HX", "|||         X|", 9, 3 },
		{ "\033[0;0HX", "X||||", 1, 0 },
		{ "\033[2;2H\033[A\033[99A\033[CX", "  X||||", 3, 0 },
		{ "\033[2B\033[3CX\033[2DY", "||  YX||", 3, 2 },
		{ "abc\033[2EX\033[FY", "abc|Y|X||", 1, 1 },
		{ "abc\033[7GX\033[2`Y", "aYc   X||||", 2, 0 },
		{ "\033[3dX\033[aY\033[eZ", "||X Y|   Z|", 4, 3 },
		{ "ab\0337\033[4;4H\0338X", "abX||||", 3, 0 },
		{ "ab\033[s\033[4;4H\033[uX", "abX||||", 3, 0 },
		{ "\033[99999999999999999999CX", "         X||||", 9, 0 },
		/* erasing */
		{ FULL "\033[2;3H\033[J", "aaaa|bb|||", 2, 1 },
		{ FULL "\033[2;3H\033[1J", "|   b|cccc|dddd|", 2, 1 },
		{ FULL "\033[2;3H\033[2J", "||||", 2, 1 },
		{ FULL "\033[2;3H\033[K", "aaaa|bb|cccc|dddd|", 2, 1 },
		{ FULL "\033[2;3H\033[1K", "aaaa|   b|cccc|dddd|", 2, 1 },
		{ FULL "\033[2;3H\033[2K", "aaaa||cccc|dddd|", 2, 1 },
		{ FULL "\033[2;2H\033[2X", "aaaa|b  b|cccc|dddd|", 1, 1 },
		{ FULL "\033[2;2H\033[9999X", "aaaa|b|cccc|dddd|", 1, 1 },
		{ FULL "\033[9J\033[9K", "aaaa|bbbb|cccc|dddd|", 4, 3 },
		/* inserting, deleting */
		{ "abcdef\033[3G\033[2@", "ab  cdef||||", 2, 0 },
		{ "0123456789\033[3G\033[4@", "01    2345||||", 2, 0 },
		{ "abcdef\033[3G\033[2P", "abef||||", 2, 0 },
		{ "abcdef\033[3G\033[99P", "ab||||", 2, 0 },
		{ "abcdef\033[3G\033[4hXY\033[4lZ", "abXYZdef||||", 5, 0 },
		{ FULL "\033[2;2H\033[L", "aaaa||bbbb|cccc|", 0, 1 },
		{ FULL "\033[2;2H\033[2M", "aaaa|dddd|||", 0, 1 },
		{ FULL "\033[2;2H\033[99L", "aaaa||||", 0, 1 },
		{ FULL "\033[S", "bbbb|cccc|dddd||", 4, 3 },
		{ FULL "\033[2T", "||aaaa|bbbb|", 4, 3 },
		/* regions */
		{ FULL "\033[2;3r", "aaaa|bbbb|cccc|dddd|", 0, 0 },
		{ FULL "\033[2;3r\033[3;1H\n", "aaaa|cccc||dddd|", 0, 2 },
		{ FULL "\033[2;3r\033[2;1H\033M", "aaaa||bbbb|dddd|", 0, 1 },
		{ FULL "\033[2;3r\033[4;1H\nX", "aaaa|bbbb|cccc|Xddd|", 1, 3 },
		{ FULL "\033[2;3r\033[2;1H\033[L", "aaaa||bbbb|dddd|", 0, 1 },
		{ FULL "\033[2;3r\033[1;3H\033[L", "aaaa|bbbb|cccc|dddd|", 2, 0 },
		{ FULL "\033[2;3r\033[?6hX\033[9;1HY", "aaaa|Xbbb|Yccc|dddd|", 1, 2 },
		{ FULL "\033[3;2r\033[2;99r\033[S", "aaaa|cccc|dddd||", 0, 0 },
		{ FULL "\033[2;3r\033[3;1H\033[9A", "aaaa|bbbb|cccc|dddd|", 0, 1 },
		/* tabs */
		{ "\033[3g\033[3G\033H\r\tX", "  X||||", 3, 0 },
		{ "\033[3g\tX", "         X||||", 9, 0 },
		{ "\033[10G\033[ZX", "        X||||", 9, 0 },
		{ "\033[9G\033[g\r\tX", "         X||||", 9, 0 },
		{ "\033[2IX\033[9ZY", "Y        X||||", 1, 0 },
		/* controls inside of sequences; cancel; what is swallowed */
		{ "a\033[3\030b", "ab||||", 2, 0 },
		{ "a\033]0;title\007b\033]2;x\033\\c", "abc||||", 3, 0 },
		{ "a\033P1$qm\033\\b\033_x\033\\c\033^y\033\\d", "abcd||||", 4, 0 },
		{ "a\033[[Ab\033[>0cc\033[=1hd", "abcd||||", 4, 0 },
		{ "a\033[1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17;18Hb", "ab||||", 2, 0 },
		{ "a\033[1$wb\033#3c\033*0d", "abcd||||", 4, 0 },
		{ "a\177b", "ab||||", 2, 0 },
		{ "\033#8", "EEEEEEEEEE|EEEEEEEEEE|EEEEEEEEEE|EEEEEEEEEE|", 0, 0 },
		{ FULL "\033c", "||||", 0, 0 },
		{ "a\033[3bX", "aaaaX||||", 5, 0 },
		{ "\033[20ha\nb", "a|b|||", 1, 1 },
	};

	for (u32 i = 0; i < ARRAY_SIZE(t); i++)
		check_feed(t[i].in, t[i].screen, t[i].x, t[i].y);
}

TEST(controls_take_effect_inside_a_sequence)
{
	check_feed("ab\033[3\r;5\bHx", "ab||    x||", 5, 2);
	check_feed("\033[\n2Cx", "|  x|||", 3, 1);
}

TEST(replies)
{
	feed("\033[c\033[5n\033[2;3H\033[6n\033Z");
	ck_assert_str_eq(answers, "\033[?6c\033[0n\033[2;3R\033[?6c");
	answers[0] = '\0';
	feed("\033[2;3r\033[?6h\033[2;2H\033[6n\033[>c\033[?6n\033[1c");
	ck_assert_str_eq(answers, "\033[2;2R");
	feed("\a\033]0;\a");
	ck_assert_uint_eq(bells, 1);
}

static struct cell
cell_at(u32 x, u32 y)
{
	return emulator_view_row(&em, y)[x];
}

static void
check_pen(const char *sgr, u8 fg, u8 bg, u8 flags)
{
	struct pen *pen = &em.cur.pen;

	feed("\033[m");
	feed(sgr);
	ck_assert_msg(pen->fg == fg && pen->bg == bg && pen->flags == flags, "%s: %u %u %x", sgr + 1, pen->fg, pen->bg, pen->flags);
}

TEST(colours_and_attributes)
{
	check_pen("\033[31;44m", 1, 4, 0);
	check_pen("\033[91;104m", 9, 12, 0);
	check_pen("\033[1;4;5;7m", 7, 0, CELL_BOLD | CELL_UNDERLINE | CELL_BLINK | CELL_REVERSE);
	check_pen("\033[1m\033[2m", 7, 0, CELL_DIM);
	check_pen("\033[1;4;5;7m\033[22;24;25;27m", 7, 0, 0);
	check_pen("\033[31;44m\033[39;49m", 7, 0, 0);
	check_pen("\033[38;5;196m", 1, 0, 0);
	check_pen("\033[48;5;17m", 7, 4, 0);
	check_pen("\033[38;5;3;1m", 3, 0, CELL_BOLD);
	check_pen("\033[38;5;231m", 15, 0, 0);
	check_pen("\033[38;5;242m", 8, 0, 0);
	check_pen("\033[38;2;255;255;80;4m", 11, 0, CELL_UNDERLINE);
	check_pen("\033[48;2;0;0;170m", 7, 4, 0);
	check_pen("\033[38:2::170:0:0;1m", 1, 0, CELL_BOLD);
	check_pen("\033[38:5:2m", 2, 0, 0);
	check_pen("\033[4:3m", 7, 0, CELL_UNDERLINE);
	check_pen("\033[4m\033[4:0m", 7, 0, 0);
	/* cut short, out of range */
	check_pen("\033[31;38m", 1, 0, 0);
	check_pen("\033[31;38;5m", 1, 0, 0);
	check_pen("\033[31;38;2;1;2m", 1, 0, 0);
	check_pen("\033[38;5;9999m", 15, 0, 0);
	check_pen("\033[38;2;9999;9999;9999m", 15, 0, 0);
}

TEST(erasing_takes_the_background)
{
	feed("\033[44;31;7m\033[2Jx");
	ck_assert_uint_eq(cell_at(5, 2).color >> 4, 4);
	ck_assert_uint_eq(cell_at(5, 2).flags, 0);
	ck_assert_uint_eq(cell_at(0, 0).color, 1 | 4 << 4);
	ck_assert_uint_eq(cell_at(0, 0).flags, CELL_REVERSE);
}

TEST(palette)
{
	u32 changes = em.palette_changes;

	feed("\033]P1ff8000x");
	ck_assert_uint_eq(em.palette[1], 0xff8000);
	ck_assert_uint_eq(em.palette_changes, changes + 1);
	SHOWS("x||||");
	feed("\033]P1fzy");
	ck_assert_uint_eq(em.palette[1], 0xff8000);
	feed("\033]R");
	ck_assert_uint_eq(em.palette[1], 0xaa0000);
	SHOWS("xy||||");
}

TEST(line_drawing)
{
	static const u16 box[] = { 0x250c, 0x2500, 0x2510, 0x2502 };

	feed("\033(0lqkx\033(Blqkx");
	for (u32 i = 0; i < 4; i++) {
		ck_assert_uint_eq(cell_at(i, 0).code, box[i]);
		ck_assert_uint_eq(cell_at(i + 4, 0).code, (u8)"lqkx"[i]);
	}
	feed("\r\033)0\016q\017q\033[11m\304\033[10m");
	ck_assert_uint_eq(cell_at(0, 0).code, 0x2500);
	ck_assert_uint_eq(cell_at(1, 0).code, 'q');
	ck_assert_uint_eq(cell_at(2, 0).code, 0x2500);
	feed("\r\033[11m\020\033[m\033[10m");
	ck_assert_uint_eq(cell_at(0, 0).code, 0x25b6);
}

TEST(utf8)
{
	feed("\303\244\342\202\254\360\237\230\200x");
	ck_assert_uint_eq(cell_at(0, 0).code, 0xe4);
	ck_assert_uint_eq(cell_at(1, 0).code, 0x20ac);
	ck_assert_uint_eq(cell_at(2, 0).code, 0xfffd);
	ck_assert_uint_eq(cell_at(2, 0).flags, CELL_WIDE);
	ck_assert_uint_eq(cell_at(3, 0).flags, CELL_WIDE_TAIL);
	ck_assert_uint_eq(cell_at(4, 0).code, 'x');
	/* cut short, overlong, surrogate, stray, too large; a combining mark takes no cell */
	feed("\r\n\303x\300\257\355\240\200\200\364\220\200\200e\314\201y");
	ck_assert_uint_eq(cell_at(0, 1).code, 0xfffd);
	ck_assert_uint_eq(cell_at(1, 1).code, 'x');
	ck_assert_uint_eq(cell_at(2, 1).code, 0xfffd);
	ck_assert_uint_eq(cell_at(3, 1).code, 0xfffd);
	ck_assert_uint_eq(cell_at(4, 1).code, 0xfffd);
	ck_assert_uint_eq(cell_at(5, 1).code, 0xfffd);
	ck_assert_uint_eq(cell_at(6, 1).code, 0xfffd);
	ck_assert_uint_eq(cell_at(7, 1).code, 'e');
	ck_assert_uint_eq(cell_at(8, 1).code, 'y');
	/* a control in the middle of a character */
	start(COLS, ROWS, HISTORY);
	feed("\342\202\033[3;1Hx");
	ck_assert_uint_eq(cell_at(0, 0).code, 0xfffd);
	ck_assert_uint_eq(cell_at(0, 2).code, 'x');
	/* Latin-1 on demand, and CSI as one character */
	feed("\033[H\033%@\344\033%G\302\2332;2Hz");
	ck_assert_uint_eq(cell_at(0, 0).code, 0xe4);
	ck_assert_uint_eq(cell_at(1, 1).code, 'z');
}

TEST(wide_characters_never_stand_in_half)
{
	feed("\344\270\200\344\270\200\033[2Gx");
	ck_assert_uint_eq(cell_at(0, 0).code, ' ');
	ck_assert_uint_eq(cell_at(0, 0).flags, 0);
	feed("\033[3Gy");
	ck_assert_uint_eq(cell_at(3, 0).flags, 0);
	SHOWS(" xy||||");
	/* at the end of a line it goes to the next one */
	feed("\033[2;10H\344\270\200");
	AT(2, 2);
	feed("\033[3;1H\033[P");
	ck_assert_uint_eq(cell_at(0, 2).code, ' ');
	feed("\033[4;9H\344\270\200\033[4;1H\033[@");
	ck_assert_uint_eq(cell_at(9, 3).flags, 0);
}

TEST(scrollback)
{
	for (char c = '0'; c <= '9'; c++) {
		char line[4] = { c, '\r', '\n', 0 };

		feed(line);
	}
	SHOWS("7|8|9||");
	ck_assert_uint_eq(em.main.history, HISTORY);
	ck_assert(emulator_scroll_view(&em, 2));
	SHOWS("5|6|7|8|");
	ck_assert(emulator_scroll_view(&em, 100));
	SHOWS("1|2|3|4|");
	ck_assert(!emulator_scroll_view(&em, 1));
	emulator_scroll_view(&em, -4);
	SHOWS("5|6|7|8|");
	/* what is looked at stays, while text comes */
	feed("a\r\n");
	SHOWS("5|6|7|8|");
	emulator_scroll_view(&em, -100);
	SHOWS("8|9|a||");
	/* lines that a region or DL throws out are not kept */
	feed("\033[H\033[M\033[2;4r\033[4H\n");
	emulator_scroll_view(&em, 1);
	SHOWS("7|9|||");
	feed("\033[3J");
	ck_assert(!emulator_scroll_view(&em, 1));
}

TEST(alternate_screen)
{
	feed("main\033[?1049h");
	SHOWS("||||");
	AT(4, 0);
	feed("alt\r\n\n\n\n\n");
	ck_assert(!emulator_scroll_view(&em, 1));
	feed("\033[?1049l");
	SHOWS("main||||");
	AT(4, 0);
	ck_assert_uint_eq(em.main.history, 0);
	feed("\033[?47hx\033[?47l");
	SHOWS("main||||");
	feed("\033[?47h");
	SHOWS("    x||||");
	feed("\033[?1047l\033[?1047h");
	SHOWS("||||");
	feed("\033c");
	SHOWS("||||");
	ck_assert_ptr_eq(em.g, &em.main);
}

TEST(modes_for_the_keyboard)
{
	feed("\033[?1h\033=\033[?2004h\033[20h");
	ck_assert_uint_eq(em.modes & (EM_APP_CURSOR | EM_APP_KEYPAD | EM_NEWLINE), EM_APP_CURSOR | EM_APP_KEYPAD | EM_NEWLINE);
	feed("\033[?1l\033>\033[20l");
	ck_assert_uint_eq(em.modes & (EM_APP_CURSOR | EM_APP_KEYPAD | EM_NEWLINE), 0);
	feed("\033[?1;5;7h\033[!p");
	ck_assert_uint_eq(em.modes & (EM_APP_CURSOR | EM_REVERSE | EM_AUTOWRAP | EM_CURSOR), EM_AUTOWRAP | EM_CURSOR);
}

TEST(cursor_visibility_and_shape)
{
	u32 x, y;

	ck_assert(emulator_cursor_at(&em, &x, &y));
	feed("\033[?25l\033[?1c");
	ck_assert(!emulator_cursor_at(&em, &x, &y));
	feed("\033[?25h\033[?0c\033[2;3H");
	ck_assert(emulator_cursor_at(&em, &x, &y));
	ck_assert(x == 2 && y == 1);
	feed("\033[?8c");
	ck_assert_uint_eq(em.cursor_shape, CURSOR_BLOCK);
	/* out of sight in the scrollback */
	feed("\033[4H\n\n\n\n");
	emulator_scroll_view(&em, 3);
	ck_assert(!emulator_cursor_at(&em, &x, &y));
}

static void
all_clean(void)
{
	for (u32 r = 0; r < em.rows; r++)
		emulator_mark_clean(&em, r);
}

TEST(only_changed_columns_are_dirty)
{
	all_clean();
	feed("\033[2;3Hab");
	ck_assert_uint_eq(em.dirty_from[1], 2);
	ck_assert_uint_eq(em.dirty_to[1], 4);
	for (u32 r = 0; r < ROWS; r++)
		ck_assert(r == 1 || em.dirty_from[r] >= em.dirty_to[r]);
}

TEST(an_endless_string_is_given_up)
{
	feed("\033]0;");
	for (u32 i = 0; i < EMULATOR_STRING_MAX; i++)
		feed("x");
	feed("\r\033[2Jyes");
	ck_assert_ptr_nonnull(strstr(display(), "yes"));
}

static void
resize(u32 cols, u32 rows, u32 history)
{
	free(emulator_resize(&em, aligned_alloc(8, (emulator_storage_size(cols, rows, history) + 7) & ~7UL), cols, rows, history));
}

TEST(resizing_keeps_the_text)
{
	feed("1\r\n2\r\n3\r\n4\r\n5\r\nlong line");
	resize(6, 3, 5);
	SHOWS("4|5|long l|");
	AT(5, 2);
	emulator_scroll_view(&em, 2);
	SHOWS("2|3|4|");
	resize(12, 5, 5);
	SHOWS("4|5|long l|||");
	AT(5, 2);
	feed("\033[?1049h\033[HALT");
	resize(4, 2, 5);
	SHOWS("ALT||");
	feed("\033[?1049l");
	ck_assert_uint_lt(em.cur.y, 2);
	resize(1, 1, 0);
	feed("ab\344\270\200\r\n\033[5;5Hz");
	SHOWS("z|");
}

/* Whatever bytes come, positions stay inside, and rows are a permutation of lines. */
static void
check_invariants(void)
{
	bool seen[64] = { false };

	ck_assert(em.cur.x < em.cols && em.cur.y < em.rows);
	ck_assert(em.region_top <= em.region_bottom && em.region_bottom < em.rows);
	ck_assert(em.g->history <= em.g->lines - em.rows && em.view <= em.g->history);
	for (u32 i = 0; i < em.main.lines; i++) {
		ck_assert(em.main.order[i] < em.main.lines && !seen[em.main.order[i]]);
		seen[em.main.order[i]] = true;
	}
	for (u32 r = 0; r < em.rows; r++) {
		const struct cell *c = emulator_view_row(&em, r);

		for (u32 x = 0; x < em.cols; x++) {
			bool tail = x + 1 < em.cols && c[x + 1].flags & CELL_WIDE_TAIL;

			ck_assert(!(c[x].flags & CELL_CURSOR));
			ck_assert(!!(c[x].flags & CELL_WIDE) == tail);
		}
	}
}

static void
random_bytes_into(u8 *buf, u32 n)
{
	static const char hot[] = "\033\033\033[[[;;;?0123456789ABCDHJKLMPSTXZ@hlmrnsud`\n\r\b\t78cM#(%]P\007\016\017\344\270\200\314\201";

	for (u32 i = 0; i < n; i++)
		buf[i] = unit_rand_below(4) != 0 ? (u8)hot[unit_rand_below(sizeof(hot) - 1)] : (u8)unit_rand();
}

TEST(random_bytes)
{
	u8 buf[64];

	for (u32 i = 0; i < 30000; i++) {
		u32 n = (u32)unit_rand_below(sizeof(buf)) + 1;

		random_bytes_into(buf, n);
		emulator_write(&em, buf, n);
		answers[0] = '\0';
		if (unit_rand_below(50) == 0)
			emulator_scroll_view(&em, (s32)unit_rand_below(20) - 10);
		if (unit_rand_below(500) == 0)
			resize((u32)unit_rand_below(20) + 1, (u32)unit_rand_below(10) + 1, (u32)unit_rand_below(10));
		if (i % 8 == 0)
			check_invariants();
	}
}

/* The spans of changed columns cover every change. */
TEST(dirty_spans_are_complete)
{
	static struct cell before[ROWS][COLS];
	u8 buf[16];

	for (u32 i = 0; i < 20000; i++) {
		u32 n = (u32)unit_rand_below(sizeof(buf)) + 1;

		for (u32 r = 0; r < ROWS; r++)
			memcpy(before[r], emulator_view_row(&em, r), sizeof(before[r]));
		all_clean();
		random_bytes_into(buf, n);
		emulator_write(&em, buf, n);
		answers[0] = '\0';
		if (unit_rand_below(20) == 0)
			emulator_scroll_view(&em, (s32)unit_rand_below(6) - 3);
		for (u32 r = 0; r < ROWS; r++) {
			const struct cell *c = emulator_view_row(&em, r);

			for (u32 x = 0; x < COLS; x++)
				ck_assert_msg(memcmp(&c[x], &before[r][x], sizeof(*c)) == 0 || (x >= em.dirty_from[r] && x < em.dirty_to[r]),
					"row %u column %u, round %u", r, x, i);
		}
	}
}
