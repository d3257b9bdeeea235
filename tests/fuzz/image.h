/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Images as small inputs. Byte 0 chooses how the image is used, byte 1 is spare, 2 and 3 are its size in KiB; then come pieces: the number
 * of a unit of 64 bytes (3 bytes, little endian) and the unit. What has no piece is zeros. tests/fuzz/pack.py makes them from images.
 */
#ifndef TESTS_FUZZ_IMAGE_H
#define TESTS_FUZZ_IMAGE_H

#include <stddef.h>

#define IMAGE_HEAD	4
#define IMAGE_UNIT	64
#define IMAGE_PIECE	(3 + IMAGE_UNIT)
#define IMAGE_MAX	(40u << 20)

/* The image, mmap'ed; NULL: no input of this kind. End with image_free(). */
unsigned char *image_unpack(const unsigned char *in, size_t size, size_t *image_size);
void image_free(unsigned char *image, size_t size);
/* Change an input in place, without moving its pieces: the new size, at most max. */
size_t image_mutate(unsigned char *in, size_t size, size_t max, unsigned seed);

#endif
