/* SPDX-License-Identifier: BSD-2-Clause */
/* getrandom(2). */
#include "proc/proc.h"
#include "sys/random.h"
#include "sys/wait.h"
#include "syscall_protos.h"

enum { GRND_NONBLOCK = 1, GRND_RANDOM = 2, GRND_INSECURE = 4 };

#define PIECE	256
#define LEN_MAX	0x7ffff000UL	/* of one call, as read(2) */

long
sys_getrandom(void __user *buf, size_t len, unsigned int flags)
{
	char __user *to = buf;
	u8 piece[PIECE];
	size_t done = 0;
	int err = 0;

	if ((flags & ~(u32)(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE)) ||
	    (flags & (GRND_INSECURE | GRND_RANDOM)) == (GRND_INSECURE | GRND_RANDOM))
		return -EINVAL;
	if (!random_ready() && !(flags & GRND_INSECURE)) {
		if (flags & GRND_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(random_waitq(), random_ready());
		if (err != 0)
			return err;
	}
	for (len = MIN(len, LEN_MAX); done < len && err == 0;) {
		size_t n = MIN(len - done, (size_t)PIECE);

		random_bytes(piece, n);
		err = copy_to_user(to + done, piece, n);
		if (err == 0)
			done += n;
		if (done % PAGE_SIZE == 0 && thread_signal_pending(thread_current()))
			break;			/* a short count, as Linux gives for long requests */
	}
	memset(piece, 0, sizeof(piece));
	barrier();
	return done != 0 ? (long)done : err;
}
