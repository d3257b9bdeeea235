/* SPDX-License-Identifier: BSD-2-Clause */
/* /dev/fb0: the boot loader's framebuffer for programs. fb(4), Linux's Documentation/fb/api; the mode cannot be changed. */
#include "arch/boot.h"
#include "arch/mmu.h"
#include "dev/chrdev.h"
#include "dev/device.h"
#include "dev/fb/framebuffer.h"
#include "mm/aspace.h"
#include "mm/iobuf.h"
#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/abi/fb.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"
#include "sys/log.h"

#define MAJOR_FB	29u
#define SIDE_MAX	16384u
#define CHUNK		4096u

static struct framebuffer screen;	/* [I] after fb_init(); mem NULL: none */

const struct framebuffer *
framebuffer_get(void)
{
	return screen.mem != NULL ? &screen : NULL;
}

u32
framebuffer_pixel(const struct framebuffer *fb, u32 rgb)
{
	u32 r = rgb >> 16 & 0xff, g = rgb >> 8 & 0xff, b = rgb & 0xff;

	return r >> (8 - fb->red.size) << fb->red.pos | g >> (8 - fb->green.size) << fb->green.pos |
		b >> (8 - fb->blue.size) << fb->blue.pos;
}

/* --- read, write --- */

/* Bytes of [*pos, *pos + n) that lie in the framebuffer. */
static size_t
clip(off_t pos, size_t n)
{
	return pos < 0 || (u64)pos >= screen.size ? 0 : MIN(n, screen.size - (u64)pos);
}

static ssize_t
fb_read(struct file *f, struct iobuf *buf, off_t *pos)
{
	size_t n = clip(*pos, iobuf_left(buf)), done = 0;
	u8 *chunk = kmem_alloc(CHUNK, KM_USER);

	(void)f;
	if (chunk == NULL)
		return -ENOMEM;
	while (done < n) {
		size_t want = MIN(n - done, (size_t)CHUNK), got;

		memcpy(chunk, (const u8 *)screen.mem + *pos, want);
		got = iobuf_copy_out(buf, chunk, want);
		*pos += (off_t)got;
		done += got;
		if (got < want)
			break;
	}
	kmem_free(chunk);
	return done > 0 || n == 0 ? (ssize_t)done : -EFAULT;
}

static ssize_t
fb_write(struct file *f, struct iobuf *buf, off_t *pos)
{
	size_t n = clip(*pos, iobuf_left(buf)), done = 0;
	u8 *chunk;

	(void)f;
	if ((u64)*pos > screen.size)
		return -EFBIG;
	if (n == 0)
		return iobuf_left(buf) == 0 ? 0 : -ENOSPC;
	chunk = kmem_alloc(CHUNK, KM_USER);
	if (chunk == NULL)
		return -ENOMEM;
	while (done < n) {
		size_t want = MIN(n - done, (size_t)CHUNK), got = iobuf_copy_in(buf, chunk, want);

		memcpy((u8 *)screen.mem + *pos, chunk, got);
		*pos += (off_t)got;
		done += got;
		if (got < want)
			break;
	}
	kmem_free(chunk);
	return done > 0 ? (ssize_t)done : -EFAULT;
}

static off_t
fb_llseek(struct file *f, off_t off, int whence)
{
	if (whence == SEEK_CUR)
		off += f->pos;
	else if (whence == SEEK_END)
		off += (off_t)screen.size;
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (off < 0)
		return -EINVAL;
	return f->pos = off;
}

/* --- ioctl --- */

static void
fill_fix(struct abi_fb_fix_screeninfo *fix)
{
	*fix = (struct abi_fb_fix_screeninfo){
		.id = "boot",
		.smem_start = screen.base,
		.smem_len = (u32)screen.size,
		.type = FB_TYPE_PACKED_PIXELS,
		.visual = FB_VISUAL_TRUECOLOR,
		.line_length = screen.pitch,
	};
}

static void
fill_var(struct abi_fb_var_screeninfo *var)
{
	*var = (struct abi_fb_var_screeninfo){
		.xres = screen.width, .yres = screen.height,
		.xres_virtual = screen.width, .yres_virtual = screen.height,
		.bits_per_pixel = screen.bytes * 8,
		.red = { screen.red.pos, screen.red.size, 0 },
		.green = { screen.green.pos, screen.green.size, 0 },
		.blue = { screen.blue.pos, screen.blue.size, 0 },
		.height = UINT32_MAX, .width = UINT32_MAX,
	};
	if (screen.bytes == 4 && screen.red.size + screen.green.size + screen.blue.size == 24)
		var->transp = (struct abi_fb_bitfield){ 48u - screen.red.pos - screen.green.pos - screen.blue.pos, 8, 0 };
}

/* Only the mode that is there can be asked for. */
static long
put_var(void __user *arg)
{
	struct abi_fb_var_screeninfo want, is;

	if (copy_from_user(&want, arg, sizeof(want)) != 0)
		return -EFAULT;
	fill_var(&is);
	if (want.xres != is.xres || want.yres != is.yres || want.bits_per_pixel != is.bits_per_pixel ||
	    want.xres_virtual > is.xres || want.yres_virtual > is.yres || want.xoffset != 0 || want.yoffset != 0)
		return -EINVAL;
	is.activate = want.activate;
	return copy_to_user(arg, &is, sizeof(is));
}

static long
fb_ioctl(struct file *f, unsigned int cmd, u64 arg)
{
	void __user *p = (void __user *)arg;
	struct abi_fb_fix_screeninfo fix;
	struct abi_fb_var_screeninfo var;

	(void)f;
	switch (cmd) {
	case FBIOGET_FSCREENINFO:
		fill_fix(&fix);
		return copy_to_user(p, &fix, sizeof(fix));
	case FBIOGET_VSCREENINFO:
		fill_var(&var);
		return copy_to_user(p, &var, sizeof(var));
	case FBIOPUT_VSCREENINFO:
		return put_var(p);
	case FBIOPAN_DISPLAY:	/* nothing to pan in; no colour map; the display cannot be switched off */
	case FBIOGETCMAP:
	case FBIOPUTCMAP:
	case FBIOBLANK:
		return -EINVAL;
	default:
		return -ENOTTY;
	}
}

static int
fb_mmap(struct file *f, struct vma *v)
{
	u64 in_page = screen.base & (PAGE_SIZE - 1);
	u64 pages = ALIGN_UP(screen.size + in_page, PAGE_SIZE) >> PAGE_SHIFT, n = (v->end - v->start) >> PAGE_SHIFT;

	(void)f;
	if (v->pgoff >= pages || n > pages - v->pgoff)
		return -EINVAL;
	if (!(v->flags & VM_SHARED) && v->flags & VM_MAYWRITE)
		return -EINVAL;		/* device memory has no private copies */
	v->flags |= VM_IO | VM_DONTEXPAND | VM_DONTDUMP;
	return vma_map_pfns(v, (screen.base >> PAGE_SHIFT) + v->pgoff, n, PROT_BIT_WRITE_COMBINING);
}

static const struct file_ops fb_fops = {
	.read = fb_read,
	.write = fb_write,
	.llseek = fb_llseek,
	.ioctl = fb_ioctl,
	.mmap = fb_mmap,
};

/* --- boot --- */

static bool
channel_ok(u8 pos, u8 size, u32 bits)
{
	return size > 0 && size <= 8 && (u32)pos + size <= bits;
}

static bool
usable(const struct boot_framebuffer *b)
{
	u32 bytes = (b->bpp + 7u) / 8;

	return b->base != 0 && bytes >= 2 && bytes <= 4 && b->width > 0 && b->width <= SIDE_MAX && b->height > 0 &&
		b->height <= SIDE_MAX && b->pitch >= b->width * bytes && b->pitch <= SIDE_MAX * 4 &&
		channel_ok(b->red_pos, b->red_size, bytes * 8) && channel_ok(b->green_pos, b->green_size, bytes * 8) &&
		channel_ok(b->blue_pos, b->blue_size, bytes * 8);
}

static struct chrdev fb_chrdev = { .name = "fb", .major = MAJOR_FB, .first = 0, .count = 1, .ops = &fb_fops };
static struct device fb_device = { .name = "fb0", .class = &device_class_graphics, .devt = DEV_NUMBER(MAJOR_FB, 0u),
	.mode = 0660, .gid = 44 };	/* group video, as Debian numbers it */

void
fb_init(void)
{
	const struct boot_framebuffer *b = &boot_info.fb;

	if (!usable(b)) {
		log_info("fb: no framebuffer from the boot loader");
		return;
	}
	screen = (struct framebuffer){
		.base = b->base, .size = (size_t)b->pitch * b->height, .pitch = b->pitch, .width = b->width, .height = b->height,
		.bytes = (b->bpp + 7u) / 8,
		.red = { b->red_pos, b->red_size }, .green = { b->green_pos, b->green_size }, .blue = { b->blue_pos, b->blue_size },
	};
	screen.mem = kmap_device(screen.base, screen.size, PROT_BIT_READ | PROT_BIT_WRITE | PROT_BIT_WRITE_COMBINING);
	if (screen.mem == NULL) {
		log_err("fb: cannot map %zu bytes at 0x%lx", screen.size, screen.base);
		return;
	}
	if (chrdev_register(&fb_chrdev) != 0 || device_register(&fb_device) != 0)
		log_err("fb: cannot register fb0");
	log_info("fb: %ux%u, %u bits, %u bytes a line, at 0x%lx", screen.width, screen.height, b->bpp, screen.pitch, screen.base);
}
