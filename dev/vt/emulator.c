/* SPDX-License-Identifier: BSD-2-Clause */
/* The parser of terminal output, and its control functions. See emulator.h. The states follow ECMA-35 and DEC STD 070. */
#include "dev/vt/emulator.h"

#include "sys/lib/printf.h"
#include "sys/lib/string.h"
#include "sys/lib/utf8.h"

enum {
	ST_GROUND,
	ST_ESC,			/* behind ESC */
	ST_ESC_INTER,		/* behind ESC and an intermediate */
	ST_CSI,
	ST_CSI_IGNORE,		/* malformed: until its final byte */
	ST_OSC,			/* until BEL or ESC \ */
	ST_STRING,		/* DCS, SOS, PM, APC: until ESC \ */
	ST_PALETTE,		/* the Linux console's ESC ] P nrrggbb */
};

#define PARAM_MAX	65535u

/* What SHOW_CONTROLS cannot turn into pictures: NUL BS LF FF CR SO SI ESC. */
#define CONTROLS_ALWAYS	(BIT(0) | BIT(8) | BIT(10) | BIT(12) | BIT(13) | BIT(14) | BIT(15) | BIT(27))

static void
reply(struct emulator *em, const char *s, u32 n)
{
	if (em->ops != NULL && em->ops->reply != NULL)
		em->ops->reply(em, s, n);
}

/* Parameter i: a missing or zero one is def. */
static u32
param(const struct emulator *em, u32 i, u32 def)
{
	return i < em->nparams && em->params[i] != 0 ? em->params[i] : def;
}

/* --- cursor --- */

/* Rows are limited to the scrolling region while the origin mode is on. */
static void
move_to(struct emulator *em, s64 x, s64 y)
{
	s64 first = em->modes & EM_ORIGIN ? em->region_top : 0;
	s64 last = em->modes & EM_ORIGIN ? em->region_bottom : em->rows - 1;

	em->cur.x = (u32)MIN(MAX(x, 0L), (s64)em->cols - 1);
	em->cur.y = (u32)MIN(MAX(y, first), last);
	em->cur.wrap = false;
}

/* As CUP: counted from the origin. */
static void
move_absolute(struct emulator *em, s64 x, s64 y)
{
	move_to(em, x, y + (em->modes & EM_ORIGIN ? em->region_top : 0));
}

/* Up and down stop at the region's margins, if they start inside. */
static void
move_vertical(struct emulator *em, s64 n)
{
	s64 first = em->cur.y >= em->region_top ? em->region_top : 0;
	s64 last = em->cur.y <= em->region_bottom ? em->region_bottom : em->rows - 1;

	em->cur.y = (u32)MIN(MAX(em->cur.y + n, first), last);
	em->cur.wrap = false;
}

static void
move_horizontal(struct emulator *em, s64 n)
{
	em->cur.x = (u32)MIN(MAX(em->cur.x + n, 0L), (s64)em->cols - 1);
	em->cur.wrap = false;
}

static void
save_cursor(struct emulator *em, struct emulator_cursor *to)
{
	*to = em->cur;
	to->origin = em->modes & EM_ORIGIN;
}

static void
restore_cursor(struct emulator *em, const struct emulator_cursor *from)
{
	em->cur = *from;
	em->modes = (em->modes & ~(u32)EM_ORIGIN) | (from->origin ? EM_ORIGIN : 0);
	em->cur.x = MIN(em->cur.x, em->cols - 1);
	em->cur.y = MIN(em->cur.y, em->rows - 1);
}

/* --- tabs --- */

static bool
tab_at(const struct emulator *em, u32 x)
{
	return em->tabs[x / 64] >> (x % 64) & 1;
}

static void
tab_forward(struct emulator *em, u32 n)
{
	u32 x = em->cur.x;

	for (; n > 0 && x < em->cols - 1; n--)
		do
			x++;
		while (x < em->cols - 1 && !tab_at(em, x));
	em->cur.x = x;
	em->cur.wrap = false;
}

static void
tab_backward(struct emulator *em, u32 n)
{
	u32 x = em->cur.x;

	for (; n > 0 && x > 0; n--)
		do
			x--;
		while (x > 0 && !tab_at(em, x));
	em->cur.x = x;
	em->cur.wrap = false;
}

/* --- reset --- */

static void
reset_modes(struct emulator *em)
{
	em->modes = (em->modes & (EM_ALTERNATE | EM_UTF8)) | EM_AUTOWRAP | EM_CURSOR;
	em->cur.pen = (struct pen){ 7, 0, 0 };
	em->cur.charset[0] = em->cur.charset[1] = CHARSET_ASCII;
	em->cur.shift = 0;
	em->cur.wrap = false;
	em->region_top = 0;
	em->region_bottom = em->rows - 1;
	em->cursor_shape = CURSOR_UNDERLINE;
	em->saved = (struct emulator_cursor){ .pen = em->cur.pen };
	emulator_mark_all(em);
}

void
emulator_reset(struct emulator *em)
{
	screen_alternate(em, false, false);
	em->modes = EM_UTF8;
	reset_modes(em);
	em->cur.x = em->cur.y = 0;
	em->saved_main = em->saved;
	em->last_code = 0;
	em->state = ST_GROUND;
	em->cp_left = 0;
	for (u32 i = 0; i < ARRAY_SIZE(em->tabs); i++)
		em->tabs[i] = 0x0101010101010101UL;
	emulator_palette_reset(em);
	screen_erase_rows(em, 0, em->rows);
}

/* --- control functions --- */

static void
erase_display(struct emulator *em, u32 what)
{
	struct emulator_cursor *c = &em->cur;

	switch (what) {
	case 0:
		screen_erase(em, c->y, c->x, em->cols);
		screen_erase_rows(em, c->y + 1, em->rows);
		break;
	case 1:
		screen_erase_rows(em, 0, c->y);
		screen_erase(em, c->y, 0, c->x + 1);
		break;
	case 3:
		em->g->history = 0;
		em->view = 0;
		emulator_mark_all(em);
		screen_erase_rows(em, 0, em->rows);
		break;
	case 2:
		screen_erase_rows(em, 0, em->rows);
		break;
	default:
		return;
	}
	c->wrap = false;
}

static void
erase_line(struct emulator *em, u32 what)
{
	struct emulator_cursor *c = &em->cur;

	switch (what) {
	case 0:
		screen_erase(em, c->y, c->x, em->cols);
		break;
	case 1:
		screen_erase(em, c->y, 0, c->x + 1);
		break;
	case 2:
		screen_erase(em, c->y, 0, em->cols);
		break;
	default:
		return;
	}
	c->wrap = false;
}

/* IL and DL: only inside the region; the cursor goes to the line's begin as on a VT102. */
static void
insert_delete_lines(struct emulator *em, u32 n, bool insert)
{
	u32 y = em->cur.y;

	if (y < em->region_top || y > em->region_bottom)
		return;
	if (insert)
		screen_scroll_down(em, y, em->region_bottom, n);
	else
		screen_scroll_up(em, y, em->region_bottom, n, false);
	em->cur.x = 0;
	em->cur.wrap = false;
}

static void
set_region(struct emulator *em)
{
	u32 top = param(em, 0, 1), bottom = param(em, 1, em->rows);

	bottom = MIN(bottom, em->rows);
	if (top >= bottom)
		return;
	em->region_top = top - 1;
	em->region_bottom = bottom - 1;
	move_absolute(em, 0, 0);
}

static void
set_mode_bit(struct emulator *em, u32 bit, bool on)
{
	em->modes = on ? em->modes | bit : em->modes & ~bit;
}

/* 47, 1047, 1048, 1049 of xterm. */
static void
alternate_mode(struct emulator *em, u32 mode, bool on)
{
	if (on && mode >= 1048)
		save_cursor(em, &em->saved_main);
	if (mode != 1048)
		screen_alternate(em, on, mode == 1049 ? on : mode == 1047 && !on);
	if (!on && mode >= 1048)
		restore_cursor(em, &em->saved_main);
}

static void
set_private_mode(struct emulator *em, u32 mode, bool on)
{
	switch (mode) {
	case 1:
		set_mode_bit(em, EM_APP_CURSOR, on);
		break;
	case 3:		/* DECCOLM: the columns stay, but it clears the screen, as everywhere */
		erase_display(em, 2);
		em->region_top = 0;
		em->region_bottom = em->rows - 1;
		move_absolute(em, 0, 0);
		break;
	case 5:
		if (!(em->modes & EM_REVERSE) == on)
			emulator_mark_all(em);
		set_mode_bit(em, EM_REVERSE, on);
		break;
	case 6:
		set_mode_bit(em, EM_ORIGIN, on);
		move_absolute(em, 0, 0);
		break;
	case 7:
		set_mode_bit(em, EM_AUTOWRAP, on);
		break;
	case 25:
		set_mode_bit(em, EM_CURSOR, on);
		break;
	case 47: case 1047: case 1048: case 1049:
		alternate_mode(em, mode, on);
		break;
	case 2004:
		set_mode_bit(em, EM_BRACKETED_PASTE, on);
		break;
	}
}

static void
set_modes(struct emulator *em, bool on)
{
	for (u32 i = 0; i < em->nparams; i++) {
		u32 mode = em->params[i];

		if (em->prefix == '?')
			set_private_mode(em, mode, on);
		else if (mode == 3)
			set_mode_bit(em, EM_SHOW_CONTROLS, on);
		else if (mode == 4)
			set_mode_bit(em, EM_INSERT, on);
		else if (mode == 20)
			set_mode_bit(em, EM_NEWLINE, on);
	}
}

static void
device_status(struct emulator *em)
{
	char text[32];
	u32 y = em->cur.y;

	if (em->prefix != 0)
		return;
	if (param(em, 0, 0) == 5) {
		reply(em, "\033[0n", 4);
	} else if (param(em, 0, 0) == 6) {
		if (em->modes & EM_ORIGIN)
			y -= MIN(y, em->region_top);
		reply(em, text, (u32)scnprintf(text, sizeof(text), "\033[%u;%uR", y + 1, em->cur.x + 1));
	}
}

/* CSI c asks who this is; CSI ? n c is the Linux console's cursor shape. */
static void
attributes_or_shape(struct emulator *em)
{
	if (em->prefix == '?') {
		u32 n = param(em, 0, 0) & 15;

		em->cursor_shape = n == 1 ? CURSOR_NONE : n >= 6 ? CURSOR_BLOCK : CURSOR_UNDERLINE;
	} else if (em->prefix == 0 && param(em, 0, 0) == 0) {
		reply(em, "\033[?6c", 5);
	}
}

/* Sequences with an intermediate: DECSTR, DECSCUSR. */
static void
csi_intermediate(struct emulator *em, u8 c)
{
	if (em->intermediate == '!' && c == 'p') {
		reset_modes(em);
	} else if (em->intermediate == ' ' && c == 'q') {
		u32 n = param(em, 0, 0);

		em->cursor_shape = n == 1 || n == 2 ? CURSOR_BLOCK : n == 5 || n == 6 ? CURSOR_BAR : CURSOR_UNDERLINE;
	}
}

static void
repeat_last(struct emulator *em, u32 n)
{
	if (em->last_code == 0)
		return;
	for (n = MIN(n, em->cols * em->rows); n > 0; n--)
		screen_put(em, em->last_code);
}

static void
csi_cursor(struct emulator *em, u8 c, u32 n)
{
	struct emulator_cursor *cur = &em->cur;

	switch (c) {
	case 'A':
		move_vertical(em, -(s64)n);
		break;
	case 'B': case 'e':
		move_vertical(em, n);
		break;
	case 'C': case 'a':
		move_horizontal(em, n);
		break;
	case 'D':
		move_horizontal(em, -(s64)n);
		break;
	case 'E':
		move_vertical(em, n);
		cur->x = 0;
		break;
	case 'F':
		move_vertical(em, -(s64)n);
		cur->x = 0;
		break;
	case 'G': case '`':
		move_to(em, (s64)n - 1, cur->y);
		break;
	case 'H': case 'f':
		move_absolute(em, (s64)param(em, 1, 1) - 1, (s64)n - 1);
		break;
	case 'd':
		move_absolute(em, cur->x, (s64)n - 1);
		break;
	case 'I':
		tab_forward(em, n);
		break;
	case 'Z':
		tab_backward(em, n);
		break;
	}
}

static void
csi_edit(struct emulator *em, u8 c, u32 n)
{
	struct emulator_cursor *cur = &em->cur;

	switch (c) {
	case '@':
		screen_insert_cells(em, n);
		break;
	case 'P':
		screen_delete_cells(em, n);
		break;
	case 'X':
		screen_erase(em, cur->y, cur->x, cur->x + MIN(n, em->cols - cur->x));
		break;
	case 'L':
		insert_delete_lines(em, n, true);
		return;
	case 'M':
		insert_delete_lines(em, n, false);
		return;
	case 'S':
		screen_scroll_up(em, em->region_top, em->region_bottom, n, true);
		return;
	case 'T':
		screen_scroll_down(em, em->region_top, em->region_bottom, n);
		return;
	}
	cur->wrap = false;
}

static void
csi_final(struct emulator *em, u8 c)
{
	u32 n = param(em, 0, 1);

	if (em->intermediate != 0) {
		csi_intermediate(em, c);
		return;
	}
	if (em->prefix != 0 && (em->prefix != '?' || strchr("hlcnJK", c) == NULL))
		return;
	switch (c) {
	case 'A': case 'B': case 'C': case 'D': case 'E': case 'F': case 'G': case 'H': case 'I': case 'Z':
	case 'a': case 'd': case 'e': case 'f': case '`':
		csi_cursor(em, c, n);
		break;
	case '@': case 'P': case 'X': case 'L': case 'M': case 'S': case 'T':
		csi_edit(em, c, n);
		break;
	case 'J':
		erase_display(em, param(em, 0, 0));
		break;
	case 'K':
		erase_line(em, param(em, 0, 0));
		break;
	case 'b':
		repeat_last(em, n);
		break;
	case 'c':
		attributes_or_shape(em);
		break;
	case 'g':
		if (param(em, 0, 0) == 0)
			em->tabs[em->cur.x / 64] &= ~BIT(em->cur.x % 64);
		else if (param(em, 0, 0) == 3)
			memset(em->tabs, 0, sizeof(em->tabs));
		break;
	case 'h': case 'l':
		set_modes(em, c == 'h');
		break;
	case 'm':
		emulator_sgr(em);
		break;
	case 'n':
		device_status(em);
		break;
	case 'r':
		set_region(em);
		break;
	case 's':
		save_cursor(em, &em->saved);
		break;
	case 'u':
		restore_cursor(em, &em->saved);
		break;
	}
}

/* --- escape sequences --- */

/* ESC # 8: a screen full of E, for adjusting tubes. */
static void
alignment_pattern(struct emulator *em)
{
	for (u32 r = 0; r < em->rows; r++)
		for (u32 x = 0; x < em->cols; x++)
			screen_row(em, r)[x] = (struct cell){ 'E', 7, 0 };
	emulator_mark_all(em);
	em->region_top = 0;
	em->region_bottom = em->rows - 1;
	move_to(em, 0, 0);
}

static void
esc_intermediate(struct emulator *em, u8 c)
{
	switch (em->intermediate) {
	case '(':
	case ')':
		em->cur.charset[em->intermediate == ')'] = c == '0' ? CHARSET_GRAPHICS : c == 'A' ? CHARSET_UK : c == 'U' ? CHARSET_PC :
			CHARSET_ASCII;
		break;
	case '%':
		if (c == 'G' || c == '8' || c == '@')
			set_mode_bit(em, EM_UTF8, c != '@');
		break;
	case '#':
		if (c == '8')
			alignment_pattern(em);
		break;
	}
}

static void
begin_sequence(struct emulator *em, u8 state)
{
	em->state = state;
	em->prefix = em->intermediate = 0;
	em->nparams = 0;
	em->sub = 0;
	em->string_len = 0;
	memset(em->params, 0, sizeof(em->params));
}

static void
esc_final(struct emulator *em, u8 c)
{
	em->state = ST_GROUND;
	switch (c) {
	case '[':
		begin_sequence(em, ST_CSI);
		break;
	case ']':
		begin_sequence(em, ST_OSC);
		break;
	case 'P': case 'X': case '^': case '_':
		begin_sequence(em, ST_STRING);
		break;
	case '7':
		save_cursor(em, &em->saved);
		break;
	case '8':
		restore_cursor(em, &em->saved);
		break;
	case 'D':
		screen_linefeed(em);
		break;
	case 'E':
		em->cur.x = 0;
		screen_linefeed(em);
		break;
	case 'M':
		screen_reverse_linefeed(em);
		break;
	case 'H':
		em->tabs[em->cur.x / 64] |= BIT(em->cur.x % 64);
		break;
	case 'Z':
		reply(em, "\033[?6c", 5);
		break;
	case 'c':
		emulator_reset(em);
		break;
	case '=': case '>':
		set_mode_bit(em, EM_APP_KEYPAD, c == '=');
		break;
	}
}

/* C0 controls take effect also inside of sequences. */
static void
control(struct emulator *em, u8 c)
{
	switch (c) {
	case 7:
		if (em->ops != NULL && em->ops->bell != NULL)
			em->ops->bell(em);
		break;
	case 8:
		move_horizontal(em, -1);
		break;
	case 9:
		tab_forward(em, 1);
		break;
	case 10: case 11: case 12:
		if (em->modes & EM_NEWLINE)
			em->cur.x = 0;
		screen_linefeed(em);
		break;
	case 13:
		em->cur.x = 0;
		em->cur.wrap = false;
		break;
	case 14:
	case 15:
		em->cur.shift = c == 14;
		break;
	case 24: case 26:
		em->state = ST_GROUND;
		break;
	case 27:
		begin_sequence(em, ST_ESC);
		break;
	}
}

static void
csi_byte(struct emulator *em, u8 c)
{
	if (c >= '0' && c <= '9' && em->intermediate == 0) {
		u32 *p;

		if (em->nparams == 0)
			em->nparams = 1;
		p = &em->params[em->nparams - 1];
		*p = MIN(*p * 10 + c - '0', PARAM_MAX);
	} else if ((c == ';' || c == ':') && em->intermediate == 0) {
		if (em->nparams == 0)
			em->nparams = 1;
		if (em->nparams == EMULATOR_PARAMS)
			em->state = ST_CSI_IGNORE;
		else if (c == ':')
			em->sub |= (u16)BIT(em->nparams++);
		else
			em->nparams++;
	} else if (c >= '<' && c <= '?' && em->nparams == 0 && em->prefix == 0 && em->intermediate == 0) {
		em->prefix = c;
	} else if (c == '[' && em->nparams == 0 && em->prefix == 0 && em->intermediate == 0) {
		em->prefix = c;		/* echo of the Linux console's function keys, ESC [ [ A: swallowed */
	} else if (c >= 0x20 && c < 0x30) {
		em->intermediate = c;
	} else if (c >= 0x40 && c < 0x7f) {
		em->state = ST_GROUND;
		if (em->nparams == 0)
			em->nparams = 1;	/* one that is missing */
		csi_final(em, c);
	} else {
		em->state = ST_CSI_IGNORE;
	}
}

/* ESC ] P: seven hexadecimal digits without an end; ESC ] R: back to the standard. Both are the Linux console's. */
static void
osc_byte(struct emulator *em, u8 c)
{
	if (em->string_len == 0 && c == 'P') {
		em->state = ST_PALETTE;
	} else if (em->string_len == 0 && c == 'R') {
		em->state = ST_GROUND;
		emulator_palette_reset(em);
	} else if (c == 7 || c == 0x9c || ++em->string_len >= EMULATOR_STRING_MAX) {
		em->state = ST_GROUND;
	}
}

static void
palette_byte(struct emulator *em, u8 c)
{
	int digit = digit_value((char)c);
	u32 rgb = 0;

	if (digit < 0 || digit > 15) {
		em->state = ST_GROUND;
		return;
	}
	em->palette_digits[em->string_len++] = (u8)digit;
	if (em->string_len < ARRAY_SIZE(em->palette_digits))
		return;
	em->state = ST_GROUND;
	for (u32 i = 1; i < ARRAY_SIZE(em->palette_digits); i++)
		rgb = rgb << 4 | em->palette_digits[i];
	em->palette[em->palette_digits[0]] = rgb;
	em->palette_changes++;
	emulator_mark_all(em);
}

/* A byte inside of a sequence. */
static void
sequence_byte(struct emulator *em, u8 c)
{
	bool string = em->state == ST_OSC || em->state == ST_STRING || em->state == ST_PALETTE;

	if (c < 0x20 && (!string || c == 24 || c == 26 || c == 27)) {
		control(em, c);
		return;
	}
	switch (em->state) {
	case ST_ESC:
	case ST_ESC_INTER:
		if (c >= 0x20 && c < 0x30) {
			em->intermediate = c;
			em->state = ST_ESC_INTER;
		} else if (c < 0x7f && em->state == ST_ESC) {
			esc_final(em, c);
		} else {
			em->state = ST_GROUND;
			if (c < 0x7f)
				esc_intermediate(em, c);
		}
		break;
	case ST_CSI:
		if (c != 0x7f)
			csi_byte(em, c);
		break;
	case ST_CSI_IGNORE:
		if (c >= 0x40 && c < 0x7f)
			em->state = ST_GROUND;
		break;
	case ST_OSC:
		osc_byte(em, c);
		break;
	case ST_PALETTE:
		palette_byte(em, c);
		break;
	case ST_STRING:
		if (++em->string_len >= EMULATOR_STRING_MAX)
			em->state = ST_GROUND;
		break;
	}
}

/* --- characters --- */

/* A byte of text outside of any UTF-8 sequence: by the character set in use. */
static void
text_byte(struct emulator *em, u8 c)
{
	if (em->modes & EM_SHOW_CONTROLS)
		screen_put(em, charset_translate(CHARSET_PC, c));
	else if (c != 0x7f)
		screen_put(em, charset_translate(em->cur.charset[em->cur.shift], c));
}

/* The first byte of a UTF-8 sequence: false if it is none. */
static bool
utf8_begin(struct emulator *em, u8 c)
{
	if (c >= 0xc2 && c < 0xe0) {
		em->cp = c & 0x1f;
		em->cp_left = 1;
		em->cp_min = 0x80;
	} else if (c >= 0xe0 && c < 0xf0) {
		em->cp = c & 0x0f;
		em->cp_left = 2;
		em->cp_min = 0x800;
	} else if (c >= 0xf0 && c < 0xf5) {
		em->cp = c & 0x07;
		em->cp_left = 3;
		em->cp_min = 0x10000;
	} else {
		return false;
	}
	return true;
}

static void
utf8_next(struct emulator *em, u8 c)
{
	em->cp = em->cp << 6 | (c & 0x3f);
	if (--em->cp_left > 0)
		return;
	if (em->cp < em->cp_min || em->cp > 0x10ffff || (em->cp >= 0xd800 && em->cp < 0xe000))
		screen_put(em, UTF8_REPLACEMENT);
	else if (em->cp == 0x9b)
		begin_sequence(em, ST_CSI);
	else if (em->cp >= 0xa0)		/* the other C1 controls do nothing */
		screen_put(em, em->cp);
}

static void
ground_byte(struct emulator *em, u8 c)
{
	bool utf8 = em->modes & EM_UTF8 && !(em->modes & EM_SHOW_CONTROLS);

	if (em->cp_left > 0) {
		if ((c & 0xc0) == 0x80) {
			utf8_next(em, c);
			return;
		}
		em->cp_left = 0;		/* cut short: it shows as one mark, then c counts anew */
		screen_put(em, UTF8_REPLACEMENT);
	}
	if (c < 0x20 && (!(em->modes & EM_SHOW_CONTROLS) || CONTROLS_ALWAYS & BIT(c))) {
		control(em, c);
	} else if (c < 0x80 || !utf8) {
		if (c == 0x9b && !(em->modes & EM_SHOW_CONTROLS))
			begin_sequence(em, ST_CSI);
		else
			text_byte(em, c);
	} else if (!utf8_begin(em, c)) {
		screen_put(em, UTF8_REPLACEMENT);
	}
}

/* Printable ASCII at p that needs no look at the modes: how many bytes. */
static u32
plain_run(const struct emulator *em, const u8 *p, size_t n)
{
	u32 i;

	if (em->state != ST_GROUND || em->cp_left > 0 || em->modes & (EM_INSERT | EM_SHOW_CONTROLS) ||
	    em->cur.charset[em->cur.shift] != CHARSET_ASCII)
		return 0;
	for (i = 0; i < n && i < EMULATOR_COLS_MAX && p[i] >= 0x20 && p[i] < 0x7f; i++)
		;
	return i;
}

void
emulator_write(struct emulator *em, const u8 *p, size_t n)
{
	while (n > 0) {
		u32 run = plain_run(em, p, n);

		if (run > 0)
			run = screen_put_ascii(em, p, run);
		else if (run = 1, em->state == ST_GROUND)
			ground_byte(em, *p);
		else
			sequence_byte(em, *p);
		p += run;
		n -= run;
	}
}
