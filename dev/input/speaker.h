/* SPDX-License-Identifier: BSD-2-Clause */
/* The PC's speaker. */
#ifndef DEV_INPUT_SPEAKER_H
#define DEV_INPUT_SPEAKER_H

#include "sys/lib/types.h"

/* Sound at hz for ms milliseconds, instead of what it does now; ms 0: until told otherwise; hz 0: silence. Any context. */
void speaker_tone(u32 hz, u32 ms);

#endif
