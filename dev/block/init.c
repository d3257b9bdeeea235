/* SPDX-License-Identifier: BSD-2-Clause */
/* The block layer at boot. */
#include "dev/block/buf_internal.h"
#include "dev/block/internal.h"

void
block_init(void)
{
	bio_boot();
	buf_boot();
}
