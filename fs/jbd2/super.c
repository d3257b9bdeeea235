/* SPDX-License-Identifier: BSD-2-Clause */
/* A journal's life: its super block, opening, beginning, emptying, closing, aborting. */
#include "fs/jbd2/jbd2.h"

#include "mm/page.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/crc32.h"
#include "sys/lib/string.h"
#include "sys/log.h"

#define LOG_BLOCKS_MIN	1024U
#define KNOWN_INCOMPAT	(JBD2_INCOMPAT_REVOKE | JBD2_INCOMPAT_64BIT | JBD2_INCOMPAT_ASYNC | JBD2_INCOMPAT_CSUM_V2 | JBD2_INCOMPAT_CSUM_V3)

static struct jbd2_super *
super_of(const struct journal *j)
{
	return (struct jbd2_super *)j->super;
}

/* --- opening --- */

static int
refuse(const struct journal *j, int err, const char *why)
{
	log_err("jbd2: %s: %s", j->name, why);
	return err;
}

/* What the super block says is checked before anything is believed. */
static int
check_super(struct journal *j)
{
	const struct jbd2_super *sb = super_of(j);
	u32 type = be32_get(sb->header.type), blocks = be32_get(sb->log_blocks), first = be32_get(sb->first);
	u32 start = be32_get(sb->start), unknown;

	if (be32_get(sb->header.magic) != JBD2_MAGIC || (type != JBD2_SUPER_V1 && type != JBD2_SUPER_V2))
		return refuse(j, -EINVAL, "no journal super block");
	if (be32_get(sb->block_size) != j->block_size)
		return refuse(j, -EINVAL, "the log's block size differs from the file system's");
	if (blocks > j->place.blocks || blocks < LOG_BLOCKS_MIN || first == 0 || first >= blocks || blocks - first < LOG_BLOCKS_MIN / 2)
		return refuse(j, -EINVAL, "the log's size is out of range");
	if (start != 0 && (start < first || start >= blocks))
		return refuse(j, -EINVAL, "the log's start is out of range");
	j->first = first;
	j->last = blocks;
	if (type == JBD2_SUPER_V1)
		return 0;
	j->compat = be32_get(sb->compat);
	j->incompat = be32_get(sb->incompat);
	unknown = j->incompat & ~KNOWN_INCOMPAT;
	if (unknown != 0) {
		log_err("jbd2: %s: unknown incompat feature%s 0x%x", j->name, unknown & JBD2_INCOMPAT_FAST ? " fast_commit in" : "s", unknown);
		return -EOPNOTSUPP;
	}
	if (be32_get(sb->ro_compat) != 0)
		return refuse(j, -EOPNOTSUPP, "unknown ro_compat features");
	if ((j->incompat & (JBD2_INCOMPAT_CSUM_V2 | JBD2_INCOMPAT_CSUM_V3)) == (JBD2_INCOMPAT_CSUM_V2 | JBD2_INCOMPAT_CSUM_V3))
		return refuse(j, -EINVAL, "checksums of version 2 and 3 at once");
	if ((j->incompat & (JBD2_INCOMPAT_CSUM_V2 | JBD2_INCOMPAT_CSUM_V3)) != 0 && sb->csum_type != 4)
		return refuse(j, -EINVAL, "unknown kind of checksum");
	if (!csum_super_ok(sb))
		return refuse(j, -EUCLEAN, "the super block's checksum is wrong");
	j->csum_seed = crc32c(~0U, sb->uuid, sizeof(sb->uuid));
	return 0;
}

static void
init_locks(struct journal *j)
{
	spin_init(&j->lock, LOCK_JOURNAL_LIST);
	list_init(&j->checkpoints);
	mutex_init(&j->checkpoint_mutex, LOCK_JOURNAL);
	mutex_init(&j->super_mutex, LOCK_LEAF_SLEEP);
	waitq_init(&j->wait_start);
	waitq_init(&j->wait_updates);
	waitq_init(&j->wait_work);
	waitq_init(&j->wait_commit);
	waitq_init(&j->wait_ordered);
	completion_init(&j->gone);
}

static void
free_journal(struct journal *j)
{
	kmem_free(j->super);
	kmem_free(j->reserve);
	kmem_free(j->descriptor);
	kmem_free(j->group);
	kmem_free(j);
}

int
journal_open(const struct journal_place *place, struct journal **out)
{
	struct journal *j = kmem_alloc(sizeof(*j), KM_ZERO);
	int err = -ENOMEM;

	if (j == NULL)
		return -ENOMEM;
	jbuf_init();
	j->place = *place;
	j->block_size = place->fs_bdev->block_size;
	block_device_name(place->bdev, j->name, sizeof(j->name));
	init_locks(j);
	j->super = kmem_alloc(j->block_size, KM_NORMAL);
	j->reserve = kmem_alloc(j->block_size, KM_NORMAL);
	j->descriptor = kmem_alloc(j->block_size, KM_NORMAL);
	j->group = kmem_alloc(sizeof(*j->group), KM_NORMAL);
	if (j->super == NULL || j->reserve == NULL || j->descriptor == NULL || j->group == NULL)
		goto out_free;
	err = log_map(j, 0, &j->super_block);
	if (err == 0)
		err = block_rw_kernel(place->bdev, BIO_READ, j->super_block * (j->block_size >> SECTOR_SHIFT), j->super, j->block_size);
	if (err == 0)
		err = check_super(j);
	if (err != 0)
		goto out_free;
	j->next_tid = be32_get(super_of(j)->tid);
	j->tail = be32_get(super_of(j)->start);
	*out = j;
	return 0;

out_free:
	free_journal(j);
	return err;
}

bool
journal_needs_recovery(const struct journal *j)
{
	return be32_get(super_of(j)->start) != 0;
}

/* --- the super block --- */

int
journal_write_super(struct journal *j)
{
	struct jbd2_super *sb = super_of(j);
	int err;

	mutex_lock(&j->super_mutex);
	spin_lock(&j->lock);
	sb->tid = be32_make(j->tail_tid);
	sb->start = be32_make(j->empty ? 0 : j->tail);
	if (j->error != 0)
		sb->error = be32_make((u32)j->error);
	spin_unlock(&j->lock);
	if (be32_get(sb->header.type) == JBD2_SUPER_V2)
		csum_super_set(sb);
	err = j->place.bdev != j->place.fs_bdev ? block_flush(j->place.fs_bdev) : 0;	/* the tail passes what is in place there */
	if (err == 0)
		err = log_write_at(j, j->super_block, j->super, BIO_PREFLUSH | BIO_FUA);
	mutex_unlock(&j->super_mutex);
	return err;
}

/* From now on it is ours: version 2, and of the features only what we write. The log is empty. */
static void
set_features(struct journal *j)
{
	struct jbd2_super *sb = super_of(j);

	if (be32_get(sb->header.type) == JBD2_SUPER_V1) {
		memset((u8 *)sb + offsetof(struct jbd2_super, compat), 0, sizeof(*sb) - offsetof(struct jbd2_super, compat));
		memcpy(sb->uuid, j->place.fs_uuid, sizeof(sb->uuid));
		sb->users = be32_make(1);
		sb->header.type = be32_make(JBD2_SUPER_V2);
	}
	j->compat = 0;
	j->incompat = (j->incompat & JBD2_INCOMPAT_64BIT) | JBD2_INCOMPAT_REVOKE;
	sb->compat = be32_make(j->compat);
	sb->incompat = be32_make(j->incompat);
	sb->csum_type = 0;
	sb->csum = be32_make(0);
}

void
journal_set_interval(struct journal *j, u32 commit_interval_ms)
{
	if (j == NULL)
		return;
	spin_lock(&j->lock);
	j->interval = (nsec_t)(commit_interval_ms != 0 ? commit_interval_ms : 5000) * NSEC_PER_MSEC;
	spin_unlock(&j->lock);
}

int
journal_begin(struct journal *j, u32 commit_interval_ms)
{
	u32 blocks = j->last - j->first;
	int err;

	set_features(j);
	j->wide = j->incompat & JBD2_INCOMPAT_64BIT;
	j->tag_bytes = j->wide ? 12 : 8;
	j->tags_per_block = (j->block_size - (u32)sizeof(struct jbd2_header) - 16) / j->tag_bytes;
	j->revokes_per_block = (j->block_size - (u32)sizeof(struct jbd2_revoke)) / (j->wide ? 8 : 4);
	j->max_trans = blocks / 4;
	j->room = j->max_trans + j->max_trans / 8 + 8;
	journal_set_interval(j, commit_interval_ms);
	j->head = j->tail = j->first;
	j->free = blocks - 1;
	j->tail_tid = j->next_tid;
	j->committed = j->wanted = j->next_tid - 1;
	j->empty = true;
	j->error = 0;
	err = journal_write_super(j);
	if (err == 0)
		err = thread_spawn(journal_thread, j, "jbd2/%s", j->name);
	j->thread = err == 0;
	return err;
}

/* --- emptying and closing --- */

int
journal_flush(struct journal *j)
{
	int err;

	if (j == NULL)
		return 0;
	err = journal_commit_all(j);
	if (err == 0)
		err = checkpoint_all(j);
	return err;
}

static void
stop_thread(struct journal *j)
{
	if (!j->thread)
		return;
	spin_lock(&j->lock);
	j->stop = true;
	spin_unlock(&j->lock);
	waitq_wake_all(&j->wait_work);
	completion_wait(&j->gone);
	j->thread = false;
}

int
journal_close(struct journal *j)
{
	int err = 0;

	if (j == NULL)
		return 0;
	if (j->thread) {
		err = journal_flush(j);
		stop_thread(j);
		if (j->error != 0 && !j->noted)		/* the thread was told to stop before it came to it */
			(void)journal_write_super(j);
		journal_discard(j);
	}
	free_journal(j);
	return err;
}

int
journal_error(const struct journal *j)
{
	return j != NULL ? atomic_load_relaxed(&j->error) : 0;
}

int
journal_take_error(struct journal *j)
{
	int err = (int)be32_get(super_of(j)->error);

	super_of(j)->error = be32_make(0);
	return err;
}

void
journal_abort(struct journal *j, int err)
{
	bool first;

	if (j == NULL)
		return;
	spin_lock(&j->lock);
	first = j->error == 0;
	if (first)
		atomic_store_relaxed(&j->error, err);
	spin_unlock(&j->lock);
	if (!first)
		return;
	log_err("jbd2: %s: aborted, error %d: nothing more is written", j->name, err);
	waitq_wake_all(&j->wait_start);
	waitq_wake_all(&j->wait_updates);
	waitq_wake_all(&j->wait_work);	/* the thread notes the error in the super block */
	waitq_wake_all(&j->wait_commit);
}
