/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's table of its own symbols and relocations, as sys/gen_ksyms.py puts it into the image.
 *
 * Addresses are link-time ones, as offsets from ksyms_base (the lowest link address of the -2 GiB
 * image); who moved the image adds its slide. Symbols are those of executable sections, sorted by
 * address; the i-th name is the NUL-terminated string at ksyms_names + ksyms_name_offsets[i]. In the
 * links before the last one the table is empty: ksyms_count is 0.
 *
 * Relocations are two streams of ULEB128 deltas between the sorted offsets of places that hold an
 * address of the image: krelocs_64 8-byte ones, krelocs_32s 4-byte sign-extended ones; each stream is
 * ended by a delta of 0 after its first entry (the first delta is the first offset plus 1).
 */
#ifndef SYS_KSYMS_TABLE_H
#define SYS_KSYMS_TABLE_H

#include "sys/lib/types.h"

extern const u64 ksyms_base;
extern const u32 ksyms_count;
extern const u32 ksyms_offsets[];
extern const u32 ksyms_name_offsets[];
extern const char ksyms_names[];
extern const u8 krelocs_64[];
extern const u8 krelocs_32s[];

#endif
