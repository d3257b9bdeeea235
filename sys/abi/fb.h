/* SPDX-License-Identifier: BSD-2-Clause */
/* Framebuffer devices: ioctl numbers and structs of linux/fb.h, in the 64-bit layout. */
#ifndef SYS_ABI_FB_H
#define SYS_ABI_FB_H

#include "sys/lib/types.h"

#define FBIOGET_VSCREENINFO	0x4600u
#define FBIOPUT_VSCREENINFO	0x4601u
#define FBIOGET_FSCREENINFO	0x4602u
#define FBIOGETCMAP		0x4604u
#define FBIOPUTCMAP		0x4605u
#define FBIOPAN_DISPLAY		0x4606u
#define FBIOBLANK		0x4611u

#define FB_TYPE_PACKED_PIXELS	0u
#define FB_VISUAL_TRUECOLOR	2u
#define FB_ACTIVATE_MASK	15u
#define FB_ACTIVATE_NOW		0u
#define FB_ACTIVATE_TEST	2u

struct abi_fb_fix_screeninfo {
	char id[16];
	u64 smem_start;
	u32 smem_len, type, type_aux, visual;
	u16 xpanstep, ypanstep, ywrapstep;
	u32 line_length;
	u64 mmio_start;
	u32 mmio_len, accel;
	u16 capabilities, reserved[2];
};

struct abi_fb_bitfield { u32 offset, length, msb_right; };

struct abi_fb_var_screeninfo {
	u32 xres, yres, xres_virtual, yres_virtual, xoffset, yoffset;
	u32 bits_per_pixel, grayscale;
	struct abi_fb_bitfield red, green, blue, transp;
	u32 nonstd, activate;
	u32 height, width;		/* millimetres */
	u32 accel_flags;
	u32 pixclock, left_margin, right_margin, upper_margin, lower_margin, hsync_len, vsync_len, sync, vmode;
	u32 rotate, colorspace, reserved[4];
};

_Static_assert(sizeof(struct abi_fb_fix_screeninfo) == 80, "struct fb_fix_screeninfo");
_Static_assert(sizeof(struct abi_fb_var_screeninfo) == 160, "struct fb_var_screeninfo");

#endif
