/* SPDX-License-Identifier: BSD-2-Clause */
/* Colours: SGR (ECMA-48 8.3.117, xterm's 38 and 48), and the 16 entries that they are mapped to. */
#include "dev/vt/emulator.h"

#include "sys/lib/string.h"

#define DEFAULT_FG	7
#define DEFAULT_BG	0

/* The PC's text colours in the order of ECMA-48 (red is 1, blue is 4). */
static const u32 standard[16] = {
	0x000000, 0xaa0000, 0x00aa00, 0xaa5500, 0x0000aa, 0xaa00aa, 0x00aaaa, 0xaaaaaa,
	0x555555, 0xff5555, 0x55ff55, 0xffff55, 0x5555ff, 0xff55ff, 0x55ffff, 0xffffff,
};

void
emulator_palette_reset(struct emulator *em)
{
	memcpy(em->palette, standard, sizeof(standard));
	em->palette_changes++;
	emulator_mark_all(em);
}

u8
emulator_nearest_color(u32 rgb)
{
	u32 best = UINT32_MAX;
	u8 color = 0;

	for (u8 i = 0; i < 16; i++) {
		u32 distance = 0;

		for (u32 shift = 0; shift < 24; shift += 8) {
			s32 d = (s32)(rgb >> shift & 0xff) - (s32)(standard[i] >> shift & 0xff);

			distance += (u32)(d * d);
		}
		if (distance < best) {
			best = distance;
			color = i;
		}
	}
	return color;
}

/* One of xterm's 256: 16 direct ones, a cube of 6 levels, a ramp of greys. */
static u8
color_of_256(u32 n)
{
	static const u8 level[6] = { 0, 95, 135, 175, 215, 255 };

	if (n < 16)
		return (u8)n;
	if (n < 232) {
		n -= 16;
		return emulator_nearest_color((u32)level[n / 36] << 16 | (u32)level[n / 6 % 6] << 8 | level[n % 6]);
	}
	n = 8 + 10 * (MIN(n, 255u) - 232);
	return emulator_nearest_color(n << 16 | n << 8 | n);
}

/* 38 or 48 at parameter i: sets *color, returns the last parameter that belongs to it. */
static u32
extended_color(struct emulator *em, u32 i, u8 *color)
{
	u32 left = em->nparams - i - 1, end = i;
	const u32 *p = &em->params[i + 1];

	/* With colons all of it is one parameter, and a colour space may stand before the components. */
	while (end + 1 < em->nparams && em->sub & BIT(end + 1))
		end++;
	if (left >= 2 && p[0] == 5) {
		*color = color_of_256(p[1]);
		return MAX(end, i + 2);
	}
	if (left >= 4 && p[0] == 2) {
		if (end - i >= 5)
			p++;
		*color = emulator_nearest_color(MIN(p[1], 255u) << 16 | MIN(p[2], 255u) << 8 | MIN(p[3], 255u));
		return MAX(end, i + 4);
	}
	return em->nparams - 1;		/* cut short: nothing behind it can be understood */
}

static void
select_font(struct emulator *em, bool pc)
{
	if (pc)
		em->modes |= EM_SHOW_CONTROLS;
	else
		em->modes &= ~(u32)EM_SHOW_CONTROLS;
}

void
emulator_sgr(struct emulator *em)
{
	struct pen *pen = &em->cur.pen;

	for (u32 i = 0; i < em->nparams; i++) {
		u32 p = em->params[i];

		if (em->sub & BIT(i))
			continue;	/* of a parameter that takes none */
		switch (p) {
		case 0:
			*pen = (struct pen){ DEFAULT_FG, DEFAULT_BG, 0 };
			break;
		case 1:
			pen->flags = (u8)((pen->flags & ~CELL_DIM) | CELL_BOLD);
			break;
		case 2:
			pen->flags = (u8)((pen->flags & ~CELL_BOLD) | CELL_DIM);
			break;
		case 4:
			if (i + 1 < em->nparams && em->sub & BIT(i + 1) && em->params[i + 1] == 0)
				pen->flags &= (u8)~CELL_UNDERLINE;
			else
				pen->flags |= CELL_UNDERLINE;
			break;
		case 21:
			pen->flags |= CELL_UNDERLINE;
			break;
		case 5:
			pen->flags |= CELL_BLINK;
			break;
		case 7:
			pen->flags |= CELL_REVERSE;
			break;
		case 10: case 11: case 12:
			select_font(em, p != 10);
			break;
		case 22:
			pen->flags &= (u8)~(CELL_BOLD | CELL_DIM);
			break;
		case 24:
			pen->flags &= (u8)~CELL_UNDERLINE;
			break;
		case 25:
			pen->flags &= (u8)~CELL_BLINK;
			break;
		case 27:
			pen->flags &= (u8)~CELL_REVERSE;
			break;
		case 38:
			i = extended_color(em, i, &pen->fg);
			break;
		case 48:
			i = extended_color(em, i, &pen->bg);
			break;
		case 39:
			pen->fg = DEFAULT_FG;
			break;
		case 49:
			pen->bg = DEFAULT_BG;
			break;
		case 30 ... 37:
			pen->fg = (u8)(p - 30);
			break;
		case 40 ... 47:
			pen->bg = (u8)(p - 40);
			break;
		case 90 ... 97:
			pen->fg = (u8)(p - 90 + 8);
			break;
		case 100 ... 107:
			pen->bg = (u8)(p - 100 + 8);
			break;
		}
	}
}
