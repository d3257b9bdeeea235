/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Draws on /dev/fb0 as a program does: the console is put aside (KD_GRAPHICS), two squares are drawn, the left one by mmap and
 * the right one by pwrite, each is read back the other way, and the console is given back when a line comes in.
 * tests/boot/machine.py looks for the same colours on QEMU's screen: red grows to the right, green downwards.
 */
#include <fcntl.h>
#include <linux/fb.h>
#include <linux/kd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIDE	64
#define BLUE	0x60

static struct fb_var_screeninfo var;
static struct fb_fix_screeninfo fix;

static void
check(int ok, const char *what)
{
	if (!ok) {
		perror(what);
		exit(1);
	}
}

static uint32_t
channel(const struct fb_bitfield *f, uint32_t value)
{
	return value >> (8 - f->length) << f->offset;
}

static uint32_t
colour(uint32_t x, uint32_t y)
{
	return channel(&var.red, x * 4) | channel(&var.green, y * 4) | channel(&var.blue, BLUE);
}

static void
make_row(uint8_t *row, uint32_t y)
{
	uint32_t bytes = var.bits_per_pixel / 8, c;

	for (uint32_t x = 0; x < SIDE; x++) {
		c = colour(x, y);
		memcpy(row + x * bytes, &c, bytes);
	}
}

int
main(void)
{
	int fd = open("/dev/fb0", O_RDWR), tty = open("/dev/tty0", O_RDWR);
	uint8_t row[SIDE * 4], got[SIDE * 4], *mem;
	uint32_t bytes, left, right, top;

	check(fd >= 0 && tty >= 0, "open");
	check(ioctl(fd, FBIOGET_VSCREENINFO, &var) == 0 && ioctl(fd, FBIOGET_FSCREENINFO, &fix) == 0, "FBIOGET");
	bytes = var.bits_per_pixel / 8;
	check(var.xres > 4 * SIDE && var.yres > 2 * SIDE && fix.line_length >= var.xres * bytes, "size");
	check(fix.smem_len >= fix.line_length * var.yres, "smem_len");
	mem = mmap(NULL, fix.smem_len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(mem != MAP_FAILED, "mmap");
	check(ioctl(tty, KDSETMODE, KD_GRAPHICS) == 0, "KD_GRAPHICS");
	left = var.xres - 3 * SIDE;
	right = var.xres - 2 * SIDE;
	top = var.yres - 2 * SIDE;
	for (uint32_t y = 0; y < SIDE; y++) {
		size_t line = (size_t)(top + y) * fix.line_length;

		make_row(row, y);
		memcpy(mem + line + left * bytes, row, SIDE * bytes);
		check(pwrite(fd, row, SIDE * bytes, line + right * bytes) == (ssize_t)(SIDE * bytes), "pwrite");
		check(pread(fd, got, SIDE * bytes, line + left * bytes) == (ssize_t)(SIDE * bytes), "pread");
		check(memcmp(got, row, SIDE * bytes) == 0, "what mmap wrote");
		check(memcmp(mem + line + right * bytes, row, SIDE * bytes) == 0, "what pwrite wrote");
	}
	check(pread(fd, got, 1, fix.smem_len) == 0, "pread at the end");
	printf("drawn %ux%u %u %u %u\n", var.xres, var.yres, left, top, 2 * SIDE);
	fflush(stdout);
	check(read(0, got, 1) == 1, "read");
	check(ioctl(tty, KDSETMODE, KD_TEXT) == 0, "KD_TEXT");
	puts("console is back");
	return 0;
}
