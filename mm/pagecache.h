/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of the page cache: what its files share. Everybody else includes mm/mapping.h. */
#ifndef MM_PAGECACHE_H
#define MM_PAGECACHE_H

#include "mm/mapping.h"

/* mm/pagecache.c */
enum mem_counter pagecache_counter(const struct mapping *m);	/* which counter its pages are in */

/* mm/truncate.c: all pages go; nobody else can find m. No inval_lock: reclaim comes here, by unused vnodes, from anywhere. */
void pagecache_remove_all(struct mapping *m);

/* mm/flusher.c */
struct flusher *flusher_of(const struct mapping *m);	/* lives for ever */
void flusher_count(const struct mapping *m, int n);	/* 1: one more page is dirty or under write-back (both count); -1: one less. Any context */
void flusher_init(void);		/* boot: starts the thread */
void flusher_add(struct mapping *m);	/* m has a dirty page now. Any thread context, no spinlock held */
extern u64 flusher_redirtied;		/* [a] counts mapping_redirty() */
void flusher_written(struct flusher *f);	/* a page's write-back has ended. Any context */
/* Reclaim found dirty pages or such under write-back: let the threads write some n pages; then wait for progress, at most until deadline. */
void flusher_request(u64 n);
void flusher_wait(nsec_t deadline);

/* mm/reclaim.c */
void reclaim_init(void);		/* boot: starts the thread */

#endif
