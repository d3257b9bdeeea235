/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cells to pixels. The renderer knows what each place of the screen shows (`shown`), so it draws only what differs, and never
 * reads the framebuffer; scrolling is nothing special. Private to dev/vt.
 *
 * Two steps, so that a screen's writers wait only for the first: render_take() copies what changed out of an emulator, under that
 * one's lock; render_draw() draws it, with no lock but the renderer's own. One thread at a time; boot and panics excepted.
 */
#ifndef DEV_VT_RENDER_H
#define DEV_VT_RENDER_H

#include "dev/fb/framebuffer.h"
#include "dev/vt/emulator.h"

struct renderer {
	const struct framebuffer *fb;	/* [I] */
	u32 cols, rows;			/* [I] that fit on the framebuffer */
	struct cell *wanted, *shown;	/* cols * rows each */
	u32 pixel[16];			/* of the palette */
	const struct emulator *source;	/* whose palette it is */
	u32 palette_changes;		/* of it, when taken */
	u8 row_dirty[EMULATOR_ROWS_MAX];
	bool cursor;
	u32 cursor_x, cursor_y;
	u8 cursor_shape;
	u16 ascii[128];			/* glyphs, so that most characters need no search */
	const u8 *glyphs[EMULATOR_COLS_MAX];	/* pictures of the cells being drawn */
};

/* How many cells fit. */
u32 render_cols(const struct framebuffer *fb);
u32 render_rows(const struct framebuffer *fb);
/* wanted, shown: room for that many cells each. The screen's contents count as unknown. */
void render_init(struct renderer *r, const struct framebuffer *fb, struct cell *wanted, struct cell *shown);
/* Somebody else has drawn: show everything anew. */
void render_invalidate(struct renderer *r);
/* Take over what changed in em, and mark it clean; em's lock is held. */
void render_take(struct renderer *r, struct emulator *em);
void render_draw(struct renderer *r);
/* One line of plain UTF-8 text as a row of cells: up to a newline, the end, or as much as fits. Tabs stand at every eighth column;
 * other control characters take no room. Bytes used, at least one of n > 0. */
size_t render_plain(struct cell *row, u32 cols, u8 color, const char *text, size_t n);
/* n cells straight to the screen, whatever it showed (panics). */
void render_cells(struct renderer *r, u32 x, u32 y, const struct cell *c, u32 n);

#endif
