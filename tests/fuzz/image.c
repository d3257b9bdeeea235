/* SPDX-License-Identifier: BSD-2-Clause */
/* Images as small inputs: image.h. No kernel header is used here. */
#include <string.h>
#include <sys/mman.h>

#include "tests/fuzz/image.h"

unsigned char *
image_unpack(const unsigned char *in, size_t size, size_t *image_size)
{
	size_t bytes, at, unit;
	unsigned char *image;

	if (size < IMAGE_HEAD + IMAGE_PIECE)
		return NULL;
	bytes = (size_t)(in[2] | in[3] << 8) << 10;
	if (bytes == 0 || bytes > IMAGE_MAX)
		return NULL;
	image = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (image == MAP_FAILED)
		return NULL;
	for (at = IMAGE_HEAD; at + IMAGE_PIECE <= size; at += IMAGE_PIECE) {
		unit = (size_t)in[at] | (size_t)in[at + 1] << 8 | (size_t)in[at + 2] << 16;
		if ((unit + 1) * IMAGE_UNIT <= bytes)
			memcpy(image + unit * IMAGE_UNIT, in + at + 3, IMAGE_UNIT);
	}
	*image_size = bytes;
	return image;
}

void
image_free(unsigned char *image, size_t size)
{
	munmap(image, size);
}

/* --- mutations --- */

static unsigned long state;

static unsigned
draw(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state * 0x2545f4914f6cdd1dUL) >> 33) % n;
}

/* A number of 1, 2, 4 or 8 bytes: something extreme, near what is there, or any. */
static void
change_number(unsigned char *p, size_t room)
{
	static const unsigned long odd[] = { 0, 1, 2, 3, 4, 7, 8, 11, 12, 15, 16, 31, 32, 64, 127, 128, 255, 256, 257, 512, 1023, 1024, 1025, 2048,
		4095, 4096, 32767, 32768, 65535, 65536, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff, 0x7fffffffffffffff, ~0UL };
	size_t n = 1u << draw(4);
	unsigned long v = 0;

	if (n > room)
		n = 1;
	memcpy(&v, p, n);
	switch (draw(5)) {
	case 0:
		v = odd[draw(sizeof(odd) / sizeof(odd[0]))];
		break;
	case 1:
		v += draw(33) - 16UL;
		break;
	case 2:
		v ^= 1UL << draw((unsigned)n * 8);
		break;
	case 3:
		v = ((unsigned long)draw(1u << 31) << 33) ^ draw(1u << 31);
		break;
	default:
		v = draw(2048);
		break;
	}
	memcpy(p, &v, n);
}

static size_t
change_piece(unsigned char *in, size_t size, size_t max)
{
	size_t n = (size - IMAGE_HEAD) / IMAGE_PIECE;
	unsigned char *p = in + IMAGE_HEAD + draw((unsigned)n) * IMAGE_PIECE, *q = in + IMAGE_HEAD + draw((unsigned)n) * IMAGE_PIECE;
	unsigned at = draw(IMAGE_UNIT), from = draw(IMAGE_UNIT), len = 1 + draw(16);

	switch (draw(12)) {
	case 0:		/* a part of one comes to another's place */
		if (at + len <= IMAGE_UNIT && from + len <= IMAGE_UNIT)
			memmove(p + 3 + at, q + 3 + from, len);
		return size;
	case 1:		/* the piece lies elsewhere */
		change_number(p, 2);
		return size;
	case 2:		/* twice: here and there */
		if (size + IMAGE_PIECE > max)
			return size;
		memcpy(in + IMAGE_HEAD + n * IMAGE_PIECE, p, IMAGE_PIECE);
		memcpy(in + IMAGE_HEAD + n * IMAGE_PIECE, q, 2);
		return IMAGE_HEAD + (n + 1) * IMAGE_PIECE;
	case 3:
		memset(p + 3 + at, draw(2) ? 0 : 0xff, IMAGE_UNIT - at < len ? IMAGE_UNIT - at : len);
		return size;
	case 4:
		in[draw(IMAGE_HEAD)] ^= (unsigned char)(1u << draw(8));
		return size;
	default:
		change_number(p + 3 + at, IMAGE_UNIT - at);
		return size;
	}
}

size_t
image_mutate(unsigned char *in, size_t size, size_t max, unsigned seed)
{
	unsigned times;

	state = seed * 0x9e3779b97f4a7c15UL + 1;
	if (size < IMAGE_HEAD + IMAGE_PIECE)
		return size;
	for (times = 1 + draw(4); times > 0; times--)
		size = change_piece(in, size, max);
	return size;
}
