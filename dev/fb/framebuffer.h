/* SPDX-License-Identifier: BSD-2-Clause */
/* The linear framebuffer that the boot loader set up: one, in one mode, packed pixels of true colour. */
#ifndef DEV_FB_FRAMEBUFFER_H
#define DEV_FB_FRAMEBUFFER_H

#include "sys/lib/types.h"

struct framebuffer_channel { u8 pos, size; };

struct framebuffer {
	paddr_t base;			/* [I] all of it */
	volatile u8 *mem;		/* mapped write-combining: write whole words in rising order, never read in a hot path */
	size_t size;			/* pitch * height */
	u32 pitch, width, height;	/* bytes, pixels, pixels */
	u32 bytes;			/* of a pixel: 2, 3, 4 */
	struct framebuffer_channel red, green, blue;
};

/* /dev/fb0, where there is a framebuffer. Boot, before vt_init(). */
void fb_init(void);
/* NULL: there is none (a boot without graphics, or a mode that isn't true colour). */
const struct framebuffer *framebuffer_get(void);
/* The pixel for 0xrrggbb. */
u32 framebuffer_pixel(const struct framebuffer *fb, u32 rgb);

#endif
