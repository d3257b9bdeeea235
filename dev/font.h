/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console's font, made at build time by dev/gen_font.py from a PSF file.
 *
 * Glyph g is font_height rows of one byte, the leftmost pixel in the top bit, from
 * font_glyphs[g * font_height]. font_unicode maps code points to glyphs, sorted by code point.
 */
#ifndef DEV_FONT_H
#define DEV_FONT_H

#include "sys/lib/types.h"

struct font_mapping {
	u16 code;	/* code point; the font covers the basic plane only */
	u16 glyph;
};

extern const u32 font_width;	/* always 8 */
extern const u32 font_height;
extern const u32 font_glyph_count;
extern const u32 font_unicode_count;
extern const u8 font_glyphs[];
extern const struct font_mapping font_unicode[];

#endif
