/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Transfers between the kernel and user ranges, kernel buffers or pages. One loop walks the segments; what differs is how a
 * piece of a segment is copied.
 */
#include "mm/iobuf.h"

#include "mm/page.h"
#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"
#include "sys/panic.h"

int
iobuf_init_user(struct iobuf *b, void __user *p, size_t len, bool to_user)
{
	if (!user_range_ok(p, len))
		return -EFAULT;
	len = MIN(len, IO_COUNT_MAX);
	memset(b, 0, sizeof(*b));
	b->kind = IOBUF_USER;
	b->to_user = to_user;
	b->one = (struct abi_iovec){ (u64)p, len };
	b->iov = &b->one;
	b->nsegs = 1;
	b->left = len;
	return 0;
}

void
iobuf_init_kernel(struct iobuf *b, void *p, size_t len, bool to_user)
{
	memset(b, 0, sizeof(*b));
	b->kind = IOBUF_KERNEL;
	b->to_user = to_user;
	b->one = (struct abi_iovec){ (u64)p, len };
	b->iov = &b->one;
	b->nsegs = 1;
	b->left = len;
}

void
iobuf_init_pages(struct iobuf *b, const struct io_pagevec *pv, u32 n, bool to_user)
{
	memset(b, 0, sizeof(*b));
	b->kind = IOBUF_PAGES;
	b->to_user = to_user;
	b->pages = pv;
	b->nsegs = n;
	for (u32 i = 0; i < n; i++)
		b->left += pv[i].len;
}

/* Linux's checks, in its order: each length fits ssize_t, each range is the user's, the sum is cut. */
static int __must_check
check_segments(struct abi_iovec *iov, u64 count, size_t *total)
{
	size_t sum = 0;

	for (u64 i = 0; i < count; i++) {
		if ((s64)iov[i].len < 0)
			return -EINVAL;
		if (!user_range_ok((void __user *)iov[i].base, iov[i].len))
			return -EFAULT;
		iov[i].len = MIN(iov[i].len, IO_COUNT_MAX - sum);
		sum += iov[i].len;
	}
	*total = sum;
	return 0;
}

int
iobuf_init_iovec(struct iobuf *b, const struct abi_iovec __user *uiov, u64 count, bool to_user, struct abi_iovec **to_free)
{
	struct abi_iovec *iov = NULL;
	size_t total = 0;
	int err;

	*to_free = NULL;
	if (count > IOV_MAX_KERNEL)
		return -EINVAL;
	if (count > 0) {
		iov = kmem_alloc_array(count, sizeof(*iov), KM_USER);
		if (iov == NULL)
			return -ENOMEM;
		err = copy_from_user(iov, uiov, count * sizeof(*iov));
		if (err == 0)
			err = check_segments(iov, count, &total);
		if (err != 0) {
			kmem_free(iov);
			return err;
		}
	}
	memset(b, 0, sizeof(*b));
	b->kind = IOBUF_USER;
	b->to_user = to_user;
	b->iov = iov;
	b->nsegs = (u32)count;
	b->left = total;
	*to_free = iov;
	return 0;
}

/* --- walking --- */

static size_t
segment_len(const struct iobuf *b)
{
	return b->kind == IOBUF_PAGES ? b->pages->len : b->iov->len;
}

static void
next_segment(struct iobuf *b)
{
	if (b->kind == IOBUF_PAGES)
		b->pages++;
	else
		b->iov++;
	b->nsegs--;
	b->seg_off = 0;
}

/* Bytes, at most n, that lie in one piece at the front; skips used-up segments. */
static size_t
front(struct iobuf *b, size_t n)
{
	n = MIN(n, b->left);
	if (n == 0)
		return 0;
	while (b->seg_off == segment_len(b))
		next_segment(b);
	return MIN(n, segment_len(b) - b->seg_off);
}

/* How to move a piece. p NULL: zeros. */
struct mover { bool out, atomic; };

static size_t
move_user(struct iobuf *b, struct mover mv, void *p, size_t n)
{
	void __user *u = (void __user *)(b->iov->base + b->seg_off);

	if (p == NULL)
		return n - arch_clear_user(u, n);
	if (mv.out)
		return n - (mv.atomic ? copy_to_user_atomic(u, p, n) : copy_to_user_partial(u, p, n));
	return n - (mv.atomic ? copy_from_user_atomic(p, u, n) : copy_from_user_partial(p, u, n));
}

static size_t
move_piece(struct iobuf *b, struct mover mv, void *p, size_t n)
{
	char *k;

	if (b->kind == IOBUF_USER)
		return move_user(b, mv, p, n);
	if (b->kind == IOBUF_PAGES)
		k = (char *)page_address(b->pages->page) + b->pages->off + b->seg_off;
	else
		k = (char *)b->iov->base + b->seg_off;
	if (p == NULL)
		memset(k, 0, n);
	else if (mv.out)
		memcpy(k, p, n);
	else
		memcpy(p, k, n);
	return n;
}

static size_t
move(struct iobuf *b, struct mover mv, void *p, size_t n)
{
	size_t done = 0, piece;

	while ((piece = front(b, n - done)) != 0) {
		size_t moved = move_piece(b, mv, p != NULL ? (char *)p + done : NULL, piece);

		done += moved;
		b->seg_off += moved;
		b->left -= moved;
		if (moved < piece)
			break;
	}
	return done;
}

size_t
iobuf_copy_out(struct iobuf *b, const void *p, size_t n)
{
	KASSERT_DEBUG(b->to_user);
	return move(b, (struct mover){ .out = true }, (void *)p, n);
}

size_t
iobuf_copy_in(struct iobuf *b, void *p, size_t n)
{
	KASSERT_DEBUG(!b->to_user);
	return move(b, (struct mover){ .out = false }, p, n);
}

size_t
iobuf_zero(struct iobuf *b, size_t n)
{
	KASSERT_DEBUG(b->to_user);
	return move(b, (struct mover){ .out = true }, NULL, n);
}

size_t
iobuf_copy_out_atomic(struct iobuf *b, const void *p, size_t n)
{
	KASSERT_DEBUG(b->to_user);
	return move(b, (struct mover){ .out = true, .atomic = true }, (void *)p, n);
}

size_t
iobuf_copy_in_atomic(struct iobuf *b, void *p, size_t n)
{
	KASSERT_DEBUG(!b->to_user);
	return move(b, (struct mover){ .out = false, .atomic = true }, p, n);
}

int
iobuf_prefault(struct iobuf *b, size_t n)
{
	struct iobuf look = *b;
	size_t piece, seen = 0;

	if (b->kind != IOBUF_USER)
		return 0;
	while ((piece = front(&look, n - seen)) != 0) {
		if (user_prefault((void __user *)(look.iov->base + look.seg_off), piece, b->to_user) != 0)
			return seen == 0 ? -EFAULT : 0;
		look.seg_off += piece;
		look.left -= piece;
		seen += piece;
	}
	return 0;
}

void
iobuf_skip(struct iobuf *b, size_t n)
{
	size_t piece;

	while ((piece = front(b, n)) != 0) {
		b->seg_off += piece;
		b->left -= piece;
		n -= piece;
	}
}

void
iobuf_truncate(struct iobuf *b, size_t left)
{
	b->left = MIN(b->left, left);
}

void
iobuf_revert(struct iobuf *b, size_t n)
{
	b->left += n;
	while (n > b->seg_off) {
		n -= b->seg_off;
		if (b->kind == IOBUF_PAGES)
			b->pages--;
		else
			b->iov--;
		b->nsegs++;
		b->seg_off = segment_len(b);
	}
	b->seg_off -= n;
}
