/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cells to pixels at every depth; only what differs is drawn.
 * sources: dev/vt/render.c dev/vt/emulator.c dev/vt/screen.c dev/vt/sgr.c dev/vt/charset.c sys/lib/utf8.c
 */
#include "tests/unit/test.h"

#include "dev/font.h"
#include "dev/vt/render.h"

/* A font of three glyphs: nothing, a pattern for A, a full box for what is missing. */
const u32 font_width = 8, font_height = 8, font_glyph_count = 3, font_unicode_count = 4;
const u8 font_glyphs[] = {
	0, 0, 0, 0, 0, 0, 0, 0,
	0x81, 0x42, 0x24, 0x18, 0x18, 0x24, 0x00, 0x81,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
};
const struct font_mapping font_unicode[] = { { ' ', 0 }, { '?', 2 }, { 'A', 1 }, { 0x2500, 1 } };

#define COLS	6u
#define ROWS	3u

static struct framebuffer fb;
static struct renderer r;
static struct emulator em;
static struct cell wanted[COLS * ROWS], shown[COLS * ROWS];

u32
framebuffer_pixel(const struct framebuffer *f, u32 rgb)
{
	return f->bytes == 2 ? (rgb >> 19 & 31) << 11 | (rgb >> 10 & 63) << 5 | (rgb >> 3 & 31) : rgb;
}

static void
start(u32 bytes)
{
	fb = (struct framebuffer){ .width = COLS * 8 + 3, .height = ROWS * 8 + 5, .bytes = bytes };
	fb.pitch = fb.width * bytes + 1;
	fb.size = (size_t)fb.pitch * fb.height;
	fb.mem = malloc(fb.size);
	memset((void *)fb.mem, 0xcc, fb.size);
	render_init(&r, &fb, wanted, shown);
	emulator_init(&em, NULL, aligned_alloc(8, (emulator_storage_size(COLS, ROWS, 2) + 7) & ~7UL), COLS, ROWS, 2);
}

static void
stop(void)
{
	free((void *)fb.mem);
	free(em.storage);
}

static void
feed(const char *s)
{
	emulator_write(&em, (const u8 *)s, strlen(s));
	render_take(&r, &em);
	render_draw(&r);
}

static u32
pixel(u32 x, u32 y)
{
	u32 p = 0;

	memcpy(&p, (u8 *)fb.mem + (size_t)y * fb.pitch + x * fb.bytes, fb.bytes);
	return p;
}

static void
check_glyph(u32 column, u32 row, u32 glyph, u32 fg, u32 bg)
{
	for (u32 y = 0; y < 8; y++)
		for (u32 x = 0; x < 8; x++)
			ck_assert_uint_eq(pixel(column * 8 + x, row * 8 + y),
				framebuffer_pixel(&fb, font_glyphs[glyph * 8 + y] & 0x80 >> x ? fg : bg));
}

TEST(glyphs_at_every_depth)
{
	for (u32 bytes = 2; bytes <= 4; bytes++) {
		start(bytes);
		feed("\033[?25lA\033[31;44mA\033[7mA\033[0;1m\342\224\200\033[mx");
		check_glyph(0, 0, 1, 0xaaaaaa, 0x000000);
		check_glyph(1, 0, 1, 0xaa0000, 0x0000aa);
		check_glyph(2, 0, 1, 0x0000aa, 0xaa0000);
		check_glyph(3, 0, 1, 0xffffff, 0x000000);
		check_glyph(4, 0, 2, 0xaaaaaa, 0x000000);
		check_glyph(5, 2, 0, 0xaaaaaa, 0x000000);
		/* nothing right of or below the cells was touched */
		ck_assert_uint_eq(pixel(COLS * 8, 0) & 0xff, 0xcc);
		ck_assert_uint_eq(pixel(0, ROWS * 8) & 0xff, 0xcc);
		stop();
	}
}

TEST(only_differences_are_drawn)
{
	start(4);
	feed("\033[?25lAAA\r\nAA");
	memset((void *)fb.mem, 0xcc, fb.size);
	feed("\033[2;2Hx");
	check_glyph(1, 1, 2, 0xaaaaaa, 0);
	ck_assert_uint_eq(pixel(0, 8), 0xcccccccc);
	ck_assert_uint_eq(pixel(0, 0), 0xcccccccc);
	/* the same text again: nothing */
	memset((void *)fb.mem, 0xcc, fb.size);
	feed("\033[HAAA");
	ck_assert_uint_eq(pixel(0, 0), 0xcccccccc);
	/* scrolling draws cells that differ from what stood there */
	feed("\033[3H\n");
	ck_assert_uint_eq(pixel(0, 0), 0xcccccccc);	/* A over A */
	check_glyph(2, 0, 0, 0xaaaaaa, 0);
	render_invalidate(&r);
	render_draw(&r);
	check_glyph(0, 0, 1, 0xaaaaaa, 0);
	stop();
}

TEST(cursor_and_modes)
{
	start(4);
	feed("A");
	ck_assert_uint_eq(pixel(8, 7), 0xaaaaaa);	/* an underline behind the A */
	ck_assert_uint_eq(pixel(8, 0), 0);
	feed("\033[?8c");
	ck_assert_uint_eq(pixel(8, 0), 0xaaaaaa);	/* a block */
	feed("\033[3;3H");
	check_glyph(1, 0, 0, 0xaaaaaa, 0);
	ck_assert_uint_eq(pixel(16, 16), 0xaaaaaa);
	feed("\033[?25l");
	check_glyph(2, 2, 0, 0xaaaaaa, 0);
	feed("\033[?5h");
	check_glyph(0, 0, 1, 0, 0xaaaaaa);
	feed("\033[?5l\033]P7123456");
	check_glyph(0, 0, 1, 0x123456, 0);
	feed("\033[H\033[4mA");
	ck_assert_uint_eq(pixel(3, 6), 0x123456);
	stop();
}

static void
plain_is(const char *text, size_t n, size_t used, const u16 want[10])
{
	struct cell row[10];

	ck_assert_uint_eq(render_plain(row, 10, 7, text, n), used);
	for (u32 i = 0; i < 10; i++) {
		ck_assert_uint_eq(row[i].code, want[i]);
		ck_assert_uint_eq(row[i].color, 7);
	}
}

#define PLAIN(text, used, ...) plain_is(text, sizeof(text) - 1, used, (const u16[10]){ __VA_ARGS__ })

TEST(plain_text_keeps_tabs_and_characters)
{
	PLAIN("ab\tc\nd", 5, 'a', 'b', ' ', ' ', ' ', ' ', ' ', ' ', 'c', ' ');
	PLAIN("\303\244\342\224\200\r\n", 7, 0xe4, 0x2500, ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ');
	PLAIN("x\377\303", 3, 'x', 0xfffd, 0xfffd, ' ', ' ', ' ', ' ', ' ', ' ', ' ');
	PLAIN("\360\237\230\200!\033", 6, 0xfffd, '!', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ');
	PLAIN("0123456789ab", 10, '0', '1', '2', '3', '4', '5', '6', '7', '8', '9');
	PLAIN("0123456789\na", 11, '0', '1', '2', '3', '4', '5', '6', '7', '8', '9');
	PLAIN("123456789\t\tb", 10, '1', '2', '3', '4', '5', '6', '7', '8', '9', ' ');
}
