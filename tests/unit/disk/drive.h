/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk whose medium is memory of the process (an image file that is mapped, or anything else), below the real block layer. Its
 * requests end when no thread runs, in order or, with fiber_seed, in any; they can be made to fail, and the power to be cut.
 */
#ifndef TESTS_UNIT_DISK_DRIVE_H
#define TESTS_UNIT_DISK_DRIVE_H

#include "sys/lib/types.h"

struct disk;

struct drive {
	u8 *data;			/* the medium */
	u64 size;			/* bytes, whole sectors */
	struct disk *disk;
	char node[48];			/* "/dev/vda" */
	u32 requests, writes, flushes;	/* so far */
	/* Counted from where they are set: the n-th request fails (1: the next), once; or it and all behind it. 0: none. */
	u32 fail_nth;
	bool fail_on;			/* the n-th and all that follow */
	bool fail_writes_only;
	/* After so many more writes nothing reaches the medium, though all seems well: a power cut. 0: none. What was not flushed
	 * then may be lost too, each by a draw (the medium behind it holds what was there before). */
	u32 cut_after;
	bool cut;			/* it happened */
	struct undo *undo;		/* writes since the last flush */
	u32 nundo;
};

/* A disk "vdX" of this medium, with its node in /dev; partitions are read, and have nodes too. The medium stays the caller's.
 * flags: DRIVE_*. 0 or -errno. */
enum { DRIVE_READ_ONLY = 1, DRIVE_CACHE = 2 /* it has a volatile write cache */, DRIVE_SECTOR_2K = 4 };
int __must_check drive_attach(u8 *data, u64 size, u32 flags, struct drive **out);
void drive_detach(struct drive *d);	/* nothing of it is open */
bool drive_interrupt(void);		/* ends what is under way: true if there was something */
u32 drive_queued(void);			/* requests under way */

#endif
