/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Byte-range locks of one file: the arithmetic of fcntl(2)'s record locks. Pure code: no locks, no allocation.
 *
 * A set is a list in no order. Locks of one owner never overlap, and adjacent ones differ in type. Ranges are inclusive.
 */
#ifndef FS_RECLOCK_H
#define FS_RECLOCK_H

#include "sys/lib/list.h"

enum reclock_type { RECLOCK_READ, RECLOCK_WRITE, RECLOCK_NONE };	/* F_RDLCK, F_WRLCK, F_UNLCK */

struct reclock {
	struct list node;
	u64 start, last;
	const void *owner;
	pid_t pid;		/* for F_GETLK; -1: an open file description's */
	u8 type;
};

/* The first (lowest start) lock of another owner that stands against `want`, or NULL. */
struct reclock *reclock_conflict(struct list *set, const struct reclock *want);

/*
 * Make want's range be of want's type for want's owner: split, shrink, merge or remove what the owner has there.
 * new[0], new[1]: two unlinked locks to use; what is not used, and what became superfluous, is added to *unused.
 * True if anything was unlocked or became weaker: waiters should look again.
 */
bool reclock_apply(struct list *set, const struct reclock *want, struct reclock *new[2], struct list *unused);

#endif
