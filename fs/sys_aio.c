/* SPDX-License-Identifier: BSD-2-Clause */
/* io_setup(2), io_destroy(2), io_submit(2), io_cancel(2), io_getevents(2), io_pgetevents(2). */
#include "fs/aio.h"

#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/abi/signal.h"
#include "sys/abi/timespec.h"
#include "sys/signal.h"
#include "syscall_protos.h"

long
sys_io_setup(unsigned int nr, void __user *uctx)
{
	struct aio_ctx *ctx;
	u64 id;
	int err;

	if (get_user_u64(&id, uctx) != 0)
		return -EFAULT;
	if (id != 0 || nr == 0)
		return -EINVAL;
	err = aio_ctx_create(nr, &id);
	if (err != 0 || put_user_u64(id, uctx) == 0)
		return err;
	ctx = aio_ctx_get(id);
	if (ctx != NULL) {
		(void)aio_ctx_destroy(ctx, id);
		aio_ctx_put(ctx);
	}
	return -EFAULT;
}

long
sys_io_destroy(u64 id)
{
	struct aio_ctx *ctx = aio_ctx_get(id);
	int err;

	if (ctx == NULL)
		return -EINVAL;
	err = aio_ctx_destroy(ctx, id);
	aio_ctx_put(ctx);
	return err;
}

/* The number submitted; an error only where it is none. */
long
sys_io_submit(u64 id, long nr, const void __user *uiocbs)
{
	const u64 __user *list = uiocbs;
	struct aio_ctx *ctx;
	int err = 0;
	long i;
	u64 p;

	if (nr < 0)
		return -EINVAL;
	ctx = aio_ctx_get(id);
	if (ctx == NULL)
		return -EINVAL;
	for (i = 0; i < nr; i++) {
		err = get_user_u64(&p, &list[i]);
		if (err == 0)
			err = aio_submit(ctx, (struct abi_iocb __user *)p);
		if (err != 0)
			break;
	}
	aio_ctx_put(ctx);
	return i > 0 ? i : err;
}

/* A request that can be cancelled ends with an event of its own: -EINPROGRESS. */
long
sys_io_cancel(u64 id, const void __user *uiocb, void __user *result)
{
	const struct abi_iocb __user *iocb = uiocb;
	struct aio_ctx *ctx;
	struct aio_req *r;
	int err = -EINVAL;
	u32 key;

	(void)result;
	if (get_user_u32(&key, &iocb->key) != 0)
		return -EFAULT;
	if (key != 0)
		return -EINVAL;
	ctx = aio_ctx_get(id);
	if (ctx == NULL)
		return -EINVAL;
	spin_lock_irq(&ctx->lock);
	list_for_each(r, &ctx->polls, node)
		if (r->obj == (u64)uiocb) {
			aio_poll_cancel_locked(r);
			err = -EINPROGRESS;
			break;
		}
	spin_unlock_irq(&ctx->lock);
	aio_ctx_put(ctx);
	return err;
}

/* The deadline of a relative time; NULL: none, 0: at once. */
static int
get_deadline(const void __user *utimeout, nsec_t *deadline)
{
	struct abi_timespec ts;
	nsec_t ns;

	*deadline = NSEC_MAX;
	if (utimeout == NULL)
		return 0;
	if (copy_from_user(&ts, utimeout, sizeof(ts)) != 0)
		return -EFAULT;
	ns = timespec_valid(&ts) ? timespec_to_ns(&ts) : 0;	/* as Linux, nonsense is no error here */
	if (ns == 0)
		*deadline = 0;
	else
		*deadline = ns > NSEC_MAX - clock_now() ? NSEC_MAX : clock_now() + ns;
	return 0;
}

static long
get_events(u64 id, long min_nr, long nr, void __user *events, nsec_t deadline)
{
	struct aio_ctx *ctx = aio_ctx_get(id);
	long n = -EINVAL;

	if (ctx == NULL)
		return -EINVAL;
	if (min_nr >= 0 && min_nr <= nr)
		n = aio_read_events(ctx, (u64)min_nr, (u64)nr, events, deadline);
	aio_ctx_put(ctx);
	return n;
}

long
sys_io_getevents(u64 id, long min_nr, long nr, void __user *events, const void __user *timeout)
{
	nsec_t deadline;
	int err = get_deadline(timeout, &deadline);

	return err != 0 ? err : get_events(id, min_nr, nr, events, deadline);
}

long
sys_io_pgetevents(u64 id, long min_nr, long nr, void __user *events, const void __user *timeout, const void __user *usig)
{
	struct { u64 mask; size_t size; } sig = { 0, 0 };
	nsec_t deadline;
	u64 mask = 0;
	long n = get_deadline(timeout, &deadline);

	if (n != 0)
		return n;
	if (usig != NULL && copy_from_user(&sig, usig, sizeof(sig)) != 0)
		return -EFAULT;
	if (sig.mask != 0) {
		if (sig.size != SIGSET_SIZE)
			return -EINVAL;
		if (get_user_u64(&mask, (const u64 __user *)sig.mask) != 0)
			return -EFAULT;
		signal_temp_mask(mask);
	}
	n = get_events(id, min_nr, nr, events, deadline);
	if (sig.mask != 0)
		signal_temp_mask_end(n == -EINTR);
	return n == -EINTR ? -ERESTARTNOHAND : n;
}
