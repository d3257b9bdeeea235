/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory side of a transfer: user ranges (one or an iovec), a kernel buffer, or pages. Consumed from the front.
 * Not shared; no locks.
 */
#ifndef MM_IOBUF_H
#define MM_IOBUF_H

#include "sys/lib/types.h"

struct page;
struct abi_iovec { u64 base; u64 len; };	/* struct iovec */

enum iobuf_kind { IOBUF_USER, IOBUF_KERNEL, IOBUF_PAGES };

struct io_pagevec { struct page *page; u32 off, len; };

struct iobuf {
	enum iobuf_kind kind;
	bool to_user;			/* read(2): data goes into the buffer */
	const struct abi_iovec *iov;	/* current segment; KERNEL: base is a kernel address */
	const struct io_pagevec *pages;
	u32 nsegs;			/* segments left, with the current one */
	size_t seg_off;			/* consumed of the current segment */
	size_t left;			/* bytes left in all */
	struct abi_iovec one;		/* store for the single-range forms */
};

#define IOV_MAX_KERNEL	1024
#define IO_COUNT_MAX	0x7ffff000UL	/* Linux's limit of one read or write */

/* -EFAULT where the range is not user memory; lengths over IO_COUNT_MAX are cut as Linux does. */
int __must_check iobuf_init_user(struct iobuf *b, void __user *p, size_t len, bool to_user);
/* Copies the iovec in: *to_free must be kmem_free'd after use (NULL allowed). -EINVAL, -EFAULT, -ENOMEM. */
int __must_check iobuf_init_iovec(struct iobuf *b, const struct abi_iovec __user *uiov, u64 count, bool to_user,
	struct abi_iovec **to_free);
void iobuf_init_kernel(struct iobuf *b, void *p, size_t len, bool to_user);
void iobuf_init_pages(struct iobuf *b, const struct io_pagevec *pv, u32 n, bool to_user);

static inline size_t iobuf_left(const struct iobuf *b) { return b->left; }

/* Move up to n bytes between `p` and the front of the buffer, consuming them: bytes moved; short (also 0) means a fault. */
size_t iobuf_copy_out(struct iobuf *b, const void *p, size_t n);	/* kernel data -> buffer (read) */
size_t iobuf_copy_in(struct iobuf *b, void *p, size_t n);		/* buffer -> kernel data (write) */
size_t iobuf_zero(struct iobuf *b, size_t n);				/* zeros -> buffer */
/* The same without sleeping (page lock held); after iobuf_prefault(). */
size_t iobuf_copy_out_atomic(struct iobuf *b, const void *p, size_t n);
size_t iobuf_copy_in_atomic(struct iobuf *b, void *p, size_t n);
/* Fault in the next n bytes: 0 or -EFAULT (nothing accessible at the front). */
int iobuf_prefault(struct iobuf *b, size_t n);
void iobuf_skip(struct iobuf *b, size_t n);
void iobuf_truncate(struct iobuf *b, size_t left);
/* Give back the last n bytes consumed. */
void iobuf_revert(struct iobuf *b, size_t n);

#endif
