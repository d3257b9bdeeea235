/* SPDX-License-Identifier: BSD-2-Clause */
/* Cells to pixels, see render.h. Pixels go out in 64-bit words, row by row of a run of cells, as write-combining memory likes it. */
#include "dev/vt/render.h"

#include "dev/font.h"
#include "sys/lib/string.h"
#include "sys/lib/utf8.h"

#define GLYPH_WIDTH	8u
#define NOTHING		((struct cell){ 0, 0, 0xff })	/* what no screen shows */

static bool
same(struct cell a, struct cell b)
{
	return a.code == b.code && a.color == b.color && a.flags == b.flags;
}

u32
render_cols(const struct framebuffer *fb)
{
	return MIN(fb->width / GLYPH_WIDTH, EMULATOR_COLS_MAX);
}

u32
render_rows(const struct framebuffer *fb)
{
	return MIN(fb->height / font_height, EMULATOR_ROWS_MAX);
}

/* --- glyphs --- */

static bool
find_glyph(u32 code, u16 *glyph)
{
	u32 low = 0, high = font_unicode_count;

	while (low < high) {
		u32 mid = (low + high) / 2;

		if (font_unicode[mid].code == code) {
			*glyph = font_unicode[mid].glyph;
			return true;
		}
		if (font_unicode[mid].code < code)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

static u16
glyph_of(const struct renderer *r, u32 code)
{
	u16 glyph = 0;

	if (code < ARRAY_SIZE(r->ascii))
		return r->ascii[code];
	if (!find_glyph(code, &glyph) && !find_glyph(UTF8_REPLACEMENT, &glyph))
		return r->ascii['?'];
	return glyph;
}

/* --- pixels --- */

/* The colours of a cell: bold is bright, blinking a bright background, as on the Linux console. */
static void
colors_of(struct cell c, u8 *fg, u8 *bg)
{
	u8 swap;

	*fg = c.color & 15;
	*bg = c.color >> 4;
	if (c.flags & CELL_BOLD)
		*fg |= 8;
	else if (c.flags & CELL_DIM)
		*fg = 8;
	if (c.flags & CELL_BLINK)
		*bg |= 8;
	if (c.flags & CELL_REVERSE) {
		swap = *fg;
		*fg = *bg;
		*bg = swap;
	}
}

/* Row `line` of a picture with underline or cursor. */
static u8
decorate(const struct renderer *r, u8 flags, u8 bits, u32 line)
{
	if (flags & CELL_UNDERLINE && line == font_height - 2)
		bits = 0xff;
	if (flags & CELL_CURSOR) {
		if (r->cursor_shape == CURSOR_BLOCK)
			bits = (u8)~bits;
		else if (r->cursor_shape == CURSOR_BAR)
			bits |= 0xc0;
		else if (line >= font_height - 2)
			bits = 0xff;
	}
	return bits;
}

/* Pixels of 3 bytes, and odd pitches, give any alignment. */
struct word { u64 v; } __packed __attribute__((may_alias));

static void
put_u64(volatile u8 *at, u64 v)
{
	((volatile struct word *)at)->v = v;
}

static void
put_32(volatile u8 *at, u8 bits, const u64 pair[4])
{
	put_u64(at, pair[bits >> 6]);
	put_u64(at + 8, pair[bits >> 4 & 3]);
	put_u64(at + 16, pair[bits >> 2 & 3]);
	put_u64(at + 24, pair[bits & 3]);
}

static void
put_24(volatile u8 *at, u8 bits, u32 fg, u32 bg)
{
	union { u8 bytes[24]; u64 words[3]; } out;

	for (u32 i = 0; i < 8; i++) {
		u32 p = bits & 0x80 >> i ? fg : bg;

		out.bytes[i * 3] = (u8)p;
		out.bytes[i * 3 + 1] = (u8)(p >> 8);
		out.bytes[i * 3 + 2] = (u8)(p >> 16);
	}
	for (u32 i = 0; i < 3; i++)
		put_u64(at + i * 8, out.words[i]);
}

static void
put_16(volatile u8 *at, u8 bits, u32 fg, u32 bg)
{
	for (u32 half = 0; half < 2; half++, bits = (u8)(bits << 4)) {
		u64 v = 0;

		for (u32 i = 0; i < 4; i++)
			v |= (u64)(bits & 0x80 >> i ? fg : bg) << (i * 16);
		put_u64(at + half * 8, v);
	}
}

/* One row of pixels of n cells that have the same colours. r->glyphs has their pictures. */
static void
put_line(const struct renderer *r, volatile u8 *at, const struct cell *c, u32 n, u32 line, u32 fg, u32 bg)
{
	const u64 pair[4] = { bg | (u64)bg << 32, bg | (u64)fg << 32, fg | (u64)bg << 32, fg | (u64)fg << 32 };
	u32 step = GLYPH_WIDTH * r->fb->bytes;

	for (u32 i = 0; i < n; i++, at += step) {
		u8 bits = r->glyphs[i][line];

		if (c[i].flags & (CELL_UNDERLINE | CELL_CURSOR))
			bits = decorate(r, c[i].flags, bits, line);
		if (step == 32)
			put_32(at, bits, pair);
		else if (step == 24)
			put_24(at, bits, fg, bg);
		else
			put_16(at, bits, fg, bg);
	}
}

/* How many of n cells have the colours of the first. */
static u32
same_colors(const struct cell *c, u32 n, u8 *fg, u8 *bg)
{
	u8 next_fg, next_bg;
	u32 run;

	colors_of(c[0], fg, bg);
	for (run = 1; run < n; run++) {
		colors_of(c[run], &next_fg, &next_bg);
		if (next_fg != *fg || next_bg != *bg)
			break;
	}
	return run;
}

void
render_cells(struct renderer *r, u32 x, u32 y, const struct cell *c, u32 n)
{
	volatile u8 *at;
	u8 fg, bg;
	u32 run;

	for (; n > 0; c += run, x += run, n -= run) {
		run = same_colors(c, n, &fg, &bg);
		for (u32 i = 0; i < run; i++)
			r->glyphs[i] = &font_glyphs[(size_t)glyph_of(r, c[i].code) * font_height];
		at = r->fb->mem + (size_t)y * font_height * r->fb->pitch + (size_t)x * GLYPH_WIDTH * r->fb->bytes;
		for (u32 line = 0; line < font_height; line++, at += r->fb->pitch)
			put_line(r, at, c, run, line, r->pixel[fg], r->pixel[bg]);
	}
}

/* --- what to draw --- */

void
render_init(struct renderer *r, const struct framebuffer *fb, struct cell *wanted, struct cell *shown)
{
	memset(r, 0, sizeof(*r));
	r->fb = fb;
	r->cols = render_cols(fb);
	r->rows = render_rows(fb);
	r->wanted = wanted;
	r->shown = shown;
	find_glyph('?', &r->ascii['?']);
	for (u32 i = 0; i < ARRAY_SIZE(r->ascii); i++)
		if (!find_glyph(i, &r->ascii[i]))
			r->ascii[i] = r->ascii['?'];
	for (u32 i = 0; i < r->cols * r->rows; i++)
		wanted[i] = (struct cell){ ' ', 7, 0 };
	render_invalidate(r);
}

void
render_invalidate(struct renderer *r)
{
	for (u32 i = 0; i < r->cols * r->rows; i++)
		r->shown[i] = NOTHING;
	memset(r->row_dirty, 1, sizeof(r->row_dirty));
}

static void
take_palette(struct renderer *r, const struct emulator *em)
{
	if (r->source == em && r->palette_changes == em->palette_changes)
		return;
	r->source = em;
	r->palette_changes = em->palette_changes;
	for (u32 i = 0; i < 16; i++) {
		u32 pixel = framebuffer_pixel(r->fb, em->palette[i]);

		if (pixel != r->pixel[i])
			render_invalidate(r);
		r->pixel[i] = pixel;
	}
}

/* The cursor makes the rows dirty where it was and is. */
static void
take_cursor(struct renderer *r, const struct emulator *em)
{
	u32 x, y;
	bool on = emulator_cursor_at(em, &x, &y) && x < r->cols && y < r->rows;

	if (on && r->cursor_shape != em->cursor_shape) {
		r->cursor_shape = em->cursor_shape;
		r->shown[y * r->cols + x] = NOTHING;
	}
	if (r->cursor)
		r->row_dirty[r->cursor_y] = 1;
	r->cursor = on;
	if (on) {
		r->cursor_x = x;
		r->cursor_y = y;
		r->row_dirty[y] = 1;
	}
}

static void
take_row(struct renderer *r, struct emulator *em, u32 y)
{
	u32 from = em->dirty_from[y], to = MIN((u32)em->dirty_to[y], r->cols);
	u8 flip = em->modes & EM_REVERSE ? CELL_REVERSE : 0;
	struct cell *dst = r->wanted + (size_t)y * r->cols;
	const struct cell *src = emulator_view_row(em, y);

	emulator_mark_clean(em, y);
	if (from >= to)
		return;
	for (u32 x = from; x < to; x++) {
		dst[x] = src[x];
		dst[x].flags ^= flip;
	}
	r->row_dirty[y] = 1;
}

/* A screen smaller than the display leaves a black margin. */
static void
blank_margin(struct renderer *r, const struct emulator *em)
{
	for (u32 y = 0; y < r->rows; y++) {
		for (u32 x = y < em->rows ? em->cols : 0; x < r->cols; x++)
			r->wanted[y * r->cols + x] = (struct cell){ ' ', 7, 0 };
		r->row_dirty[y] = 1;
	}
}

void
render_take(struct renderer *r, struct emulator *em)
{
	bool other = r->source != em;

	take_palette(r, em);
	if (other)
		emulator_mark_all(em);
	if (other || em->cols < r->cols || em->rows < r->rows)
		blank_margin(r, em);
	for (u32 y = 0; y < MIN(em->rows, r->rows); y++)
		take_row(r, em, y);
	take_cursor(r, em);
}

static struct cell
to_show(const struct renderer *r, u32 x, u32 y)
{
	struct cell c = r->wanted[y * r->cols + x];

	c.flags &= (u8)~(CELL_WIDE | CELL_WIDE_TAIL);
	if (r->cursor && x == r->cursor_x && y == r->cursor_y)
		c.flags |= CELL_CURSOR;
	return c;
}

static void
draw_row(struct renderer *r, u32 y)
{
	struct cell *shown = r->shown + (size_t)y * r->cols;

	for (u32 x = 0; x < r->cols; x++) {
		u32 first = x;

		for (; x < r->cols; x++) {
			struct cell c = to_show(r, x, y);

			if (same(c, shown[x]))
				break;
			shown[x] = c;
		}
		if (x > first)
			render_cells(r, first, y, shown + first, x - first);
	}
}

void
render_draw(struct renderer *r)
{
	for (u32 y = 0; y < r->rows; y++) {
		if (!r->row_dirty[y])
			continue;
		r->row_dirty[y] = 0;
		draw_row(r, y);
	}
}

/* The character at s: its length. Rubbish is a replacement character of one byte. */
static size_t
decode(const char *s, size_t n, u32 *cp)
{
	int len = utf8_decode(s, n, cp);

	if (len <= 0 || *cp > 0xffff)
		*cp = UTF8_REPLACEMENT;
	return len <= 0 ? 1 : (size_t)len;
}

size_t
render_plain(struct cell *row, u32 cols, u8 color, const char *text, size_t n)
{
	size_t used = 0;
	u32 x = 0;

	for (u32 i = 0; i < cols; i++)
		row[i] = (struct cell){ ' ', color, 0 };
	while (used < n && text[used] != '\n' && x < cols) {
		u32 cp;

		used += decode(text + used, n - used, &cp);
		if (cp == '\t')
			x = ALIGN_UP(x + 1, 8u);
		else if (cp >= ' ' && (cp < 0x7f || cp >= 0xa0))
			row[x++].code = (u16)cp;
	}
	while (used < n && text[used] == '\r')
		used++;
	return used < n && text[used] == '\n' ? used + 1 : used;	/* a line that just fits has no empty one behind it */
}
