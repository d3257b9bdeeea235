/* SPDX-License-Identifier: BSD-2-Clause */
/* The cells of the screen: writing, erasing, scrolling, the scrollback, the alternate screen, resizing. */
#include "dev/vt/emulator.h"

#include "sys/lib/string.h"
#include "sys/lib/utf8.h"

static struct cell *
grid_line(const struct emulator *em, const struct grid *g, u32 place)
{
	return g->cells + (size_t)g->order[place % g->lines] * em->cols;
}

struct cell *
screen_row(struct emulator *em, u32 r)
{
	return grid_line(em, em->g, em->g->top + r);
}

/* A blank in the pen's background. */
static struct cell
blank(const struct emulator *em)
{
	return (struct cell){ ' ', (u8)(7 | em->cur.pen.bg << 4), 0 };
}

/* --- what changed --- */

void
screen_mark(struct emulator *em, u32 r, u32 from, u32 to)
{
	r += em->view;
	if (r >= em->rows)
		return;
	em->dirty_from[r] = (u16)MIN(em->dirty_from[r], from);
	em->dirty_to[r] = (u16)MAX(em->dirty_to[r], to);
}

static void
mark_rows(struct emulator *em, u32 from, u32 to)
{
	for (u32 r = from; r < to; r++)
		screen_mark(em, r, 0, em->cols);
}

void
emulator_mark_all(struct emulator *em)
{
	for (u32 r = 0; r < em->rows; r++) {
		em->dirty_from[r] = 0;
		em->dirty_to[r] = (u16)em->cols;
	}
}

/* --- erasing --- */

static void
fill(struct cell *c, struct cell with, u32 n)
{
	while (n-- > 0)
		*c++ = with;
}

/* A double-width character that loses one half loses both. */
static void
split_wide(struct emulator *em, u32 r, u32 from, u32 to)
{
	struct cell *row = screen_row(em, r);

	if (from > 0 && row[from].flags & CELL_WIDE_TAIL) {
		row[from - 1].code = ' ';
		row[from - 1].flags &= (u8)~CELL_WIDE;
		screen_mark(em, r, from - 1, from);
	}
	if (to < em->cols && row[to].flags & CELL_WIDE_TAIL) {
		row[to].flags &= (u8)~CELL_WIDE_TAIL;
		screen_mark(em, r, to, to + 1);
	}
}

void
screen_erase(struct emulator *em, u32 r, u32 from, u32 to)
{
	if (from >= to)
		return;
	split_wide(em, r, from, to);
	fill(screen_row(em, r) + from, blank(em), to - from);
	screen_mark(em, r, from, to);
}

void
screen_erase_rows(struct emulator *em, u32 from, u32 to)
{
	for (u32 r = from; r < to; r++)
		fill(screen_row(em, r), blank(em), em->cols);
	mark_rows(em, from, to);
}

/* --- scrolling --- */

/* Turn the places of rows first..last so that the n first (down: last) ones come to the other end, and blank those. */
static void
rotate(struct emulator *em, u32 first, u32 last, u32 n, bool down)
{
	struct grid *g = em->g;
	u32 count = last - first + 1, shift = down ? count - n : n;
	u16 turned[EMULATOR_ROWS_MAX];

	for (u32 i = 0; i < count; i++)
		turned[i] = g->order[(g->top + first + (i + shift) % count) % g->lines];
	for (u32 i = 0; i < count; i++)
		g->order[(g->top + first + i) % g->lines] = turned[i];
}

/* The whole screen goes up by a line, into the scrollback. */
static void
advance(struct emulator *em)
{
	struct grid *g = em->g;
	u32 most = g->lines - em->rows;

	g->top = (g->top + 1) % g->lines;
	g->history = MIN(g->history + 1, most);
	/* A reader of the scrollback keeps what he looks at, as long as it is there. */
	if (em->view > 0 && em->view < most)
		em->view++;
	else
		emulator_mark_all(em);
}

void
screen_scroll_up(struct emulator *em, u32 top, u32 bottom, u32 n, bool keep)
{
	n = MIN(n, bottom - top + 1);
	if (n == 0)
		return;
	if (keep && top == 0 && bottom == em->rows - 1) {
		for (u32 i = 0; i < n; i++) {
			advance(em);
			fill(screen_row(em, em->rows - 1), blank(em), em->cols);
		}
		return;
	}
	rotate(em, top, bottom, n, false);
	screen_erase_rows(em, bottom + 1 - n, bottom + 1);
	mark_rows(em, top, bottom + 1);
}

void
screen_scroll_down(struct emulator *em, u32 top, u32 bottom, u32 n)
{
	n = MIN(n, bottom - top + 1);
	if (n == 0)
		return;
	rotate(em, top, bottom, n, true);
	screen_erase_rows(em, top, top + n);
	mark_rows(em, top, bottom + 1);
}

void
screen_linefeed(struct emulator *em)
{
	struct emulator_cursor *c = &em->cur;

	c->wrap = false;
	if (c->y == em->region_bottom)
		screen_scroll_up(em, em->region_top, em->region_bottom, 1, true);
	else if (c->y < em->rows - 1)
		c->y++;
}

void
screen_reverse_linefeed(struct emulator *em)
{
	struct emulator_cursor *c = &em->cur;

	c->wrap = false;
	if (c->y == em->region_top)
		screen_scroll_down(em, em->region_top, em->region_bottom, 1);
	else if (c->y > 0)
		c->y--;
}

/* --- cells at the cursor --- */

void
screen_insert_cells(struct emulator *em, u32 n)
{
	u32 x = em->cur.x, room = em->cols - x;
	struct cell *row = screen_row(em, em->cur.y);

	n = MIN(n, room);
	split_wide(em, em->cur.y, x, em->cols);
	memmove(row + x + n, row + x, (room - n) * sizeof(*row));
	fill(row + x, blank(em), n);
	if (row[em->cols - 1].flags & CELL_WIDE)	/* its other half fell off */
		row[em->cols - 1] = blank(em);
	if (x + n < em->cols)
		row[x + n].flags &= (u8)~CELL_WIDE_TAIL;
	screen_mark(em, em->cur.y, x, em->cols);
}

void
screen_delete_cells(struct emulator *em, u32 n)
{
	u32 x = em->cur.x, room = em->cols - x;
	struct cell *row = screen_row(em, em->cur.y);

	n = MIN(n, room);
	split_wide(em, em->cur.y, x, x + n);
	memmove(row + x, row + x + n, (room - n) * sizeof(*row));
	fill(row + em->cols - n, blank(em), n);
	screen_mark(em, em->cur.y, x, em->cols);
}

static void
wrap_line(struct emulator *em)
{
	em->cur.x = 0;
	screen_linefeed(em);
}

static struct cell
pen_cell(const struct emulator *em, u32 code)
{
	const struct pen *pen = &em->cur.pen;

	return (struct cell){ (u16)code, (u8)(pen->fg | pen->bg << 4), pen->flags };
}

void
screen_put(struct emulator *em, u32 cp)
{
	struct emulator_cursor *c = &em->cur;
	u32 width = charset_width(cp);
	struct cell *row;

	if (width == 0)
		return;			/* combining marks have no place in a cell */
	em->last_code = cp;
	if (cp > 0xffff)
		cp = UTF8_REPLACEMENT;
	if (width > em->cols)
		width = 1;
	if (c->wrap || (c->x + width > em->cols && em->modes & EM_AUTOWRAP)) {
		if (em->modes & EM_AUTOWRAP)
			wrap_line(em);
		c->wrap = false;
	}
	if (c->x + width > em->cols)
		c->x = em->cols - width;
	if (em->modes & EM_INSERT)
		screen_insert_cells(em, width);
	split_wide(em, c->y, c->x, c->x + width);
	row = screen_row(em, c->y);
	row[c->x] = pen_cell(em, cp);
	if (width == 2) {
		row[c->x].flags |= CELL_WIDE;
		row[c->x + 1] = pen_cell(em, ' ');
		row[c->x + 1].flags |= CELL_WIDE_TAIL;
	}
	screen_mark(em, c->y, c->x, c->x + width);
	c->x += width;
	if (c->x >= em->cols) {
		c->x = em->cols - 1;
		c->wrap = true;
	}
}

u32
screen_put_ascii(struct emulator *em, const u8 *p, u32 n)
{
	struct emulator_cursor *c = &em->cur;
	struct cell *row, cell = pen_cell(em, 0);
	u32 room;

	if (c->wrap && em->modes & EM_AUTOWRAP)
		wrap_line(em);
	c->wrap = false;
	room = em->cols - c->x;
	n = MIN(n, room);
	split_wide(em, c->y, c->x, c->x + n);
	row = screen_row(em, c->y) + c->x;
	for (u32 i = 0; i < n; i++) {
		cell.code = p[i];
		row[i] = cell;
	}
	screen_mark(em, c->y, c->x, c->x + n);
	em->last_code = p[n - 1];
	c->x += n;
	if (n == room) {
		c->x = em->cols - 1;
		c->wrap = true;
	}
	return n;
}

/* --- views --- */

const struct cell *
emulator_view_row(const struct emulator *em, u32 r)
{
	return grid_line(em, em->g, em->g->top + em->g->lines - em->view + r);
}

bool
emulator_scroll_view(struct emulator *em, s32 lines)
{
	s64 view = MAX((s64)em->view + lines, 0);

	view = MIN(view, (s64)em->g->history);
	if (view == em->view)
		return false;
	em->view = (u32)view;
	emulator_mark_all(em);
	return true;
}

bool
emulator_cursor_at(const struct emulator *em, u32 *x, u32 *y)
{
	*x = em->cur.x;
	*y = em->cur.y + em->view;
	return em->modes & EM_CURSOR && em->cursor_shape != CURSOR_NONE && *y < em->rows;
}

void
screen_alternate(struct emulator *em, bool on, bool clear)
{
	bool is = em->modes & EM_ALTERNATE;

	if (is && !on && clear)
		screen_erase_rows(em, 0, em->rows);
	em->view = 0;
	if (is != on) {
		em->modes ^= EM_ALTERNATE;
		em->g = on ? &em->alt : &em->main;
		emulator_mark_all(em);
	}
	if (on && clear)
		screen_erase_rows(em, 0, em->rows);
}

/* --- storage: cells of both rings, their orders, the spans --- */

size_t
emulator_storage_size(u32 cols, u32 rows, u32 history)
{
	size_t lines = 2UL * rows + history;

	return lines * cols * sizeof(struct cell) + lines * sizeof(u16) + 2UL * rows * sizeof(u16);
}

static void
grid_init(struct grid *g, struct cell *cells, u16 *order, u32 lines, u32 cols)
{
	*g = (struct grid){ .cells = cells, .order = order, .lines = lines };
	for (u32 i = 0; i < lines; i++)
		order[i] = (u16)i;
	fill(cells, (struct cell){ ' ', 7, 0 }, lines * cols);
}

/* Lay the storage out; both screens blank. */
static void
lay_out(struct emulator *em, void *storage, u32 cols, u32 rows, u32 history)
{
	u32 lines = rows + history;
	struct cell *cells = storage;
	u16 *order = (u16 *)(cells + (size_t)(lines + rows) * cols);

	em->storage = storage;
	em->cols = cols;
	em->rows = rows;
	grid_init(&em->main, cells, order, lines, cols);
	grid_init(&em->alt, cells + (size_t)lines * cols, order + lines, rows, cols);
	em->dirty_from = order + lines + rows;
	em->dirty_to = em->dirty_from + rows;
	em->view = 0;
	em->region_top = 0;
	em->region_bottom = rows - 1;
}

void
emulator_init(struct emulator *em, const struct emulator_ops *ops, void *storage, u32 cols, u32 rows, u32 history)
{
	memset(em, 0, sizeof(*em));
	em->ops = ops;
	em->g = &em->main;
	lay_out(em, storage, cols, rows, history);
	emulator_reset(em);
}

/* Texts of one ring into another: the row `y` stays on the screen; what is above goes to the scrollback. */
static u32
grid_copy(struct grid *to, u32 cols, u32 rows, const struct grid *from, u32 old_cols, u32 old_rows, u32 y)
{
	u32 up = y >= rows ? y - rows + 1 : 0;		/* rows that leave the screen at the top */
	u32 history = MIN(from->history + up, to->lines - rows);
	u32 n = MIN(old_rows - up, rows) + history;
	u32 place = from->top + from->lines + up - history;

	for (u32 i = 0; i < n; i++) {
		struct cell *dst = to->cells + (size_t)to->order[i] * cols;
		const struct cell *src = from->cells + (size_t)from->order[(place + i) % from->lines] * old_cols;

		memcpy(dst, src, MIN(cols, old_cols) * sizeof(*dst));
		if (cols < old_cols)
			dst[cols - 1].flags &= (u8)~CELL_WIDE;
	}
	to->top = history;
	to->history = history;
	return up;
}

static void
clamp_cursor(struct emulator *em, struct emulator_cursor *c, u32 up)
{
	c->y = MIN(c->y > up ? c->y - up : 0, em->rows - 1);
	if (c->x >= em->cols - 1)
		c->x = em->cols - 1;
	else
		c->wrap = false;
}

void *
emulator_resize(struct emulator *em, void *storage, u32 cols, u32 rows, u32 history)
{
	struct grid main = em->main, alt = em->alt;
	u32 old_cols = em->cols, old_rows = em->rows, main_y, main_up, alt_up;
	bool on_alt = em->modes & EM_ALTERNATE;
	void *old = em->storage;

	main_y = MIN(on_alt ? em->saved_main.y : em->cur.y, old_rows - 1);
	lay_out(em, storage, cols, rows, history);
	main_up = grid_copy(&em->main, cols, rows, &main, old_cols, old_rows, main_y);
	alt_up = grid_copy(&em->alt, cols, rows, &alt, old_cols, old_rows, on_alt ? em->cur.y : 0);
	clamp_cursor(em, &em->cur, on_alt ? alt_up : main_up);
	clamp_cursor(em, &em->saved, on_alt ? alt_up : main_up);
	clamp_cursor(em, &em->saved_main, main_up);
	emulator_mark_all(em);
	return old;
}
