/* SPDX-License-Identifier: BSD-2-Clause */
/* The i8042 controller and the PS/2 keyboard behind it. */
#ifndef DEV_INPUT_PS2_H
#define DEV_INPUT_PS2_H

#include "sys/lib/types.h"

/* Boot, after vt_init(): looks for the controller; keys go to dev/vt/keyboard.h. May sleep, not for long. */
void ps2_init(void);

/* --- the decoder of scan codes, for its test --- */
struct ps2_decoder {
	u8 prefix;		/* 0xe0, 0xe1, or 0 */
	u8 skip;		/* bytes of Pause that say nothing new */
};
/* A byte of scan code set 1: the key code (linux/input-event-codes.h) and whether it went down; 0: no key yet. */
u32 ps2_decode(struct ps2_decoder *d, u8 byte, bool *down);

#endif
