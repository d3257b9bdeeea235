/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The screen that a terminal's bytes paint: a VT102 with xterm's and the Linux console's additions (console_codes(4), ECMA-48,
 * terminfo "linux"). Pure state and code: no locks, no allocation, no sleeping, so that it runs on the host under test.
 *
 * Text lives in a ring of lines: the screen is its last `rows` places, above it lies the scrollback. A place names a line of
 * cells through `order`, so that scrolling a region turns a few numbers and moves no text. The alternate screen is a second
 * ring, without scrollback. What changed is kept as a span of columns for each row, for whoever draws.
 *
 * Every byte sequence is legal input: parameters saturate, strings are swallowed up to a bound, positions are clamped.
 */
#ifndef DEV_VT_EMULATOR_H
#define DEV_VT_EMULATOR_H

#include "sys/lib/types.h"

#define EMULATOR_COLS_MAX	512u
#define EMULATOR_ROWS_MAX	256u
#define EMULATOR_PARAMS		16u
#define EMULATOR_STRING_MAX	4096u	/* bytes of an OSC or DCS string before it is given up */

struct cell {
	u16 code;	/* code point of the basic plane */
	u8 color;	/* foreground, background << 4 */
	u8 flags;
};

/* cell.flags */
enum {
	CELL_BOLD = 1, CELL_DIM = 2, CELL_UNDERLINE = 4, CELL_REVERSE = 8, CELL_BLINK = 16,
	CELL_WIDE = 32,		/* left half of a double-width character */
	CELL_WIDE_TAIL = 64,	/* its right half; code is a space */
	CELL_CURSOR = 128,	/* only in what is drawn */
};

/* emulator.modes */
enum {
	EM_INSERT = 1 << 0,		/* IRM */
	EM_NEWLINE = 1 << 1,		/* LNM: LF is CR LF, and Enter sends both */
	EM_APP_CURSOR = 1 << 2,		/* DECCKM */
	EM_APP_KEYPAD = 1 << 3,		/* DECKPAM */
	EM_REVERSE = 1 << 4,		/* DECSCNM */
	EM_ORIGIN = 1 << 5,		/* DECOM */
	EM_AUTOWRAP = 1 << 6,		/* DECAWM */
	EM_CURSOR = 1 << 7,		/* DECTCEM */
	EM_SHOW_CONTROLS = 1 << 8,	/* SGR 11, DECCRM: the PC's character set, with pictures for controls */
	EM_UTF8 = 1 << 9,
	EM_ALTERNATE = 1 << 10,
	EM_BRACKETED_PASTE = 1 << 11,	/* remembered only */
};

enum emulator_charset { CHARSET_ASCII, CHARSET_GRAPHICS, CHARSET_UK, CHARSET_PC };

struct grid {
	struct cell *cells;	/* lines * cols */
	u16 *order;		/* place in the ring -> line of cells */
	u32 lines;		/* places: rows, and scrollback */
	u32 top;		/* place of row 0 */
	u32 history;		/* lines above row 0 that hold text */
};

struct pen { u8 fg, bg, flags; };

struct emulator_cursor {
	u32 x, y;
	bool wrap;		/* the last column was written: the next character goes to the next line */
	bool origin;		/* EM_ORIGIN, for save and restore */
	struct pen pen;
	u8 charset[2];		/* G0, G1: enum emulator_charset */
	u8 shift;		/* which of them is in use */
};

struct emulator;

struct emulator_ops {	/* either may be NULL */
	void (*reply)(struct emulator *em, const char *s, u32 n);	/* an answer to the program: as if typed */
	void (*bell)(struct emulator *em);
};

struct emulator {
	const struct emulator_ops *ops;
	void *storage;
	u32 cols, rows;
	struct grid main, alt, *g;
	struct emulator_cursor cur, saved, saved_main;	/* saved_main: where 1049 came from */
	u32 region_top, region_bottom;	/* rows that scroll, inclusive */
	u32 modes;			/* EM_* */
	u8 cursor_shape;		/* CURSOR_* */
	u32 last_code;			/* for REP; 0: none */
	u64 tabs[EMULATOR_COLS_MAX / 64];

	/* parser */
	u8 state;
	u8 prefix, intermediate;	/* '?' and the like; ' ' to '/' */
	u32 params[EMULATOR_PARAMS];
	u16 sub;			/* bit i: a colon stood before parameter i */
	u32 nparams;
	u32 string_len;
	u8 palette_digits[7];
	u32 cp, cp_min;			/* UTF-8 character being read, and the least value its length may code */
	u32 cp_left;			/* bytes of it to come */

	/* for who draws */
	u32 palette[16];		/* 0xrrggbb */
	u32 palette_changes;		/* bumped with every change of it */
	u32 view;			/* lines scrolled back; 0: the screen itself */
	u16 *dirty_from, *dirty_to;	/* by displayed row: changed columns [from, to); from >= to: none */
};

enum { CURSOR_UNDERLINE, CURSOR_BLOCK, CURSOR_BAR, CURSOR_NONE };

/* Bytes of storage that a screen needs. cols and rows within 1 and EMULATOR_*_MAX; rows + history below 65536. */
size_t emulator_storage_size(u32 cols, u32 rows, u32 history);
/* A cleared screen. The storage (aligned to 8) stays the caller's, and must live as long as em. */
void emulator_init(struct emulator *em, const struct emulator_ops *ops, void *storage, u32 cols, u32 rows, u32 history);
/* Another size, in other storage; texts are kept from the cursor's line upward, lines are cut. Returns the old storage. */
void *emulator_resize(struct emulator *em, void *storage, u32 cols, u32 rows, u32 history);
/* As ESC c: also modes, palette. */
void emulator_reset(struct emulator *em);

void emulator_write(struct emulator *em, const u8 *p, size_t n);

/* Look at the scrollback: lines > 0 goes up. True if the view moved. */
bool emulator_scroll_view(struct emulator *em, s32 lines);
/* The cells that row r of the display shows, by the view. */
const struct cell *emulator_view_row(const struct emulator *em, u32 r);
void emulator_mark_all(struct emulator *em);
static inline void emulator_mark_clean(struct emulator *em, u32 r) { em->dirty_from[r] = UINT16_MAX, em->dirty_to[r] = 0; }
/* Is the cursor to be drawn, and where (displayed row and column)? */
bool emulator_cursor_at(const struct emulator *em, u32 *x, u32 *y);

/* --- between the files of this folder --- */

/* screen.c: what the control functions do to the cells. Rows and columns are within the screen, n is clamped. */
struct cell *screen_row(struct emulator *em, u32 r);
void screen_mark(struct emulator *em, u32 r, u32 from, u32 to);
void screen_erase(struct emulator *em, u32 r, u32 from, u32 to);	/* columns [from, to) of one row */
void screen_erase_rows(struct emulator *em, u32 from, u32 to);		/* whole rows [from, to) */
/* Rows top..bottom (inclusive) move up or down by n; blank ones come in. keep: what leaves the whole screen at the top goes to
 * the scrollback. */
void screen_scroll_up(struct emulator *em, u32 top, u32 bottom, u32 n, bool keep);
void screen_scroll_down(struct emulator *em, u32 top, u32 bottom, u32 n);
void screen_insert_cells(struct emulator *em, u32 n);	/* at the cursor */
void screen_delete_cells(struct emulator *em, u32 n);
/* A printable character at the cursor, as the modes say. */
void screen_put(struct emulator *em, u32 cp);
/* A run of ASCII, without insert mode and charsets: how many of n fitted on the line (at least 1). */
u32 screen_put_ascii(struct emulator *em, const u8 *p, u32 n);
void screen_linefeed(struct emulator *em);
void screen_reverse_linefeed(struct emulator *em);
void screen_alternate(struct emulator *em, bool on, bool clear);

/* sgr.c: CSI m, and palettes. */
void emulator_sgr(struct emulator *em);
void emulator_palette_reset(struct emulator *em);
/* The nearest of the 16 colours. */
u8 emulator_nearest_color(u32 rgb);

/* charset.c */
u32 charset_translate(enum emulator_charset set, u8 c);	/* the code point of a byte */
u32 charset_width(u32 cp);				/* columns: 0 (combining), 1, 2 */

#endif
