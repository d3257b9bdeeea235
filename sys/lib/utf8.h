/* SPDX-License-Identifier: BSD-2-Clause */
/* UTF-8 (RFC 3629; Unicode 15, table 3-7), one code point at a time. */
#ifndef SYS_LIB_UTF8_H
#define SYS_LIB_UTF8_H

#include "sys/lib/types.h"

#define UTF8_MAX	4		/* bytes of a code point */
#define UTF8_REPLACEMENT 0xfffdU	/* what shows in place of rubbish */

/*
 * Decodes the code point at s, of which n bytes are there. Returns its length 1..4; 0 if it is valid so far but more
 * bytes are needed; -EILSEQ if it is none (overlong, surrogate, above U+10FFFF, stray byte): skip one byte then.
 */
__must_check int utf8_decode(const void *s, size_t n, u32 *cp);

/* Encodes cp; returns the length 1..4, or -EILSEQ for a surrogate or a value above U+10FFFF. */
__must_check int utf8_encode(u32 cp, char out[UTF8_MAX]);

#endif
