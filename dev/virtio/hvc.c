/* SPDX-License-Identifier: BSD-2-Clause */
/* Console ports as terminals: /dev/hvc0 and on, major 229 as on Linux; a place for the kernel's log with console=hvc0. */
#include "dev/tty/tty.h"
#include "dev/virtio/console.h"
#include "sys/abi/errno.h"
#include "sys/clock.h"
#include "sys/kmem.h"
#include "sys/log.h"
#include "sys/reboot.h"

#define HVC_MAJOR	229u
#define HVC_MAX		8u
#define LET_OUT_MAX	(2 * NSEC_PER_SEC)

struct hvc {
	struct tty tty;
	struct vport *port;		/* [I] reference */
	u32 index;			/* [I] */
	struct log_console log;
	struct work detach_work;
};

static struct mutex hvcs_lock = MUTEX_INIT(hvcs_lock, LOCK_LEAF_SLEEP);
static struct hvc *hvcs[HVC_MAX];	/* [hvcs_lock] those that work */
static u32 places;			/* [hvcs_lock] bit per number in use */

static struct hvc *
hvc_of(struct tty *tty)
{
	return container_of(tty, struct hvc, tty);
}

/* --- the port's user --- */

static u32
hvc_take(struct vport *p, const u8 *data, u32 n)
{
	struct hvc *h = p->user;

	n = MIN(n, tty_receive_room(&h->tty));
	if (n > 0)
		tty_receive(&h->tty, data, NULL, n);
	return n;
}

static void
hvc_sent(struct vport *p)
{
	tty_write_wakeup(&((struct hvc *)p->user)->tty);
}

static const struct port_ops hvc_port_ops = { .take = hvc_take, .sent = hvc_sent };

/* --- the terminal's driver --- */

static u32
hvc_write(struct tty *tty, const u8 *p, u32 n)
{
	return port_write(hvc_of(tty)->port, p, n);
}

static u32
hvc_write_room(struct tty *tty)
{
	return port_write_room(hvc_of(tty)->port);
}

static u32
hvc_chars_in_buffer(struct tty *tty)
{
	return port_unsent(hvc_of(tty)->port);
}

static void
hvc_flush_buffer(struct tty *tty)
{
	port_flush(hvc_of(tty)->port);
}

static void
hvc_stop(struct tty *tty, bool stop)
{
	port_hold(hvc_of(tty)->port, stop);
}

static void
hvc_input_taken(struct tty *tty)
{
	port_deliver(hvc_of(tty)->port);
}

static void
hvc_release(struct tty *tty)
{
	struct hvc *h = hvc_of(tty);

	port_put(h->port);
	kmem_free(h);
}

static const struct tty_ops hvc_tty_ops = {
	.write = hvc_write,
	.write_room = hvc_write_room,
	.chars_in_buffer = hvc_chars_in_buffer,
	.flush_buffer = hvc_flush_buffer,
	.stop = hvc_stop,
	.input_taken = hvc_input_taken,
	.release = hvc_release,
};

static void
hvc_log_write(struct log_console *c, const char *text, size_t len)
{
	port_write_now(container_of(c, struct hvc, log)->port, text, len);
}

/* --- life --- */

static int
take_place(struct hvc *h)
{
	int err = -ENOSPC;

	mutex_lock(&hvcs_lock);
	for (u32 i = 0; err != 0 && i < HVC_MAX; i++) {
		if (!(places >> i & 1)) {
			places |= 1U << i;
			hvcs[i] = h;
			h->index = i;
			err = 0;
		}
	}
	mutex_unlock(&hvcs_lock);
	return err;
}

static void
leave_place(u32 index)
{
	mutex_lock(&hvcs_lock);
	places &= ~(1U << index);
	hvcs[index] = NULL;
	mutex_unlock(&hvcs_lock);
}

/* In a worker, since a terminal's hang-up may not happen under a bus's lock. */
static void
detach_worker(struct work *w)
{
	struct hvc *h = container_of(w, struct hvc, detach_work);
	u32 index = h->index;

	tty_unregister(&h->tty);	/* h may be gone behind it */
	leave_place(index);
}

int
hvc_attach(struct vport *p)
{
	struct hvc *h = kmem_alloc(sizeof(*h), KM_ZERO);
	char name[16];
	int err;

	if (h == NULL)
		return -ENOMEM;
	err = take_place(h);
	if (err != 0) {
		kmem_free(h);
		return err;
	}
	work_init(&h->detach_work, detach_worker);
	port_get(p);
	h->port = p;
	snprintf(name, sizeof(name), "hvc%u", h->index);
	tty_init(&h->tty, &hvc_tty_ops, h, name, DEV_NUMBER(HVC_MAJOR, h->index));
	h->tty.ldisc.t.c_cflag = B38400 | CS8 | CREAD | HUPCL | CLOCAL;
	err = tty_register(&h->tty);
	if (err != 0) {
		leave_place(h->index);
		tty_put(&h->tty);	/* hvc_release frees */
		return err;
	}
	port_set_ops(p, &hvc_port_ops, h);
	log_info("%s: %s", p->vc->vd->dev.name, name);
	if (tty_console_wanted(name)) {
		tty_set_console(&h->tty);
		h->log.name = h->tty.name;
		h->log.write = hvc_log_write;
		log_console_register(&h->log, true);
	}
	return 0;
}

void
hvc_detach(struct vport *p)
{
	struct hvc *h = p->user;

	if (h->log.write != NULL)
		log_console_unregister(&h->log);
	mutex_lock(&hvcs_lock);
	hvcs[h->index] = NULL;
	mutex_unlock(&hvcs_lock);
	work_queue(&h->detach_work);
}

void
hvc_resize(struct vport *p, u32 columns, u32 rows)
{
	struct abi_winsize ws = { .ws_col = (u16)columns, .ws_row = (u16)rows };

	if (columns != 0 && rows != 0)
		(void)tty_set_winsize(&((struct hvc *)p->user)->tty, &ws);
}

/* The machine ends: what programs have written goes out first, if somebody takes it. */
static void
let_out(enum machine_end how)
{
	nsec_t end = clock_now() + LET_OUT_MAX;

	(void)how;
	for (u32 i = 0; i < HVC_MAX; i++) {
		struct hvc *h;

		mutex_lock(&hvcs_lock);
		h = hvcs[i];
		if (h != NULL)
			port_get(h->port);
		mutex_unlock(&hvcs_lock);
		if (h == NULL)
			continue;
		struct vport *p = h->port;

		while (port_unsent(p) > 0 && clock_now() < end) {
			thread_set_state(THREAD_UNINTERRUPTIBLE);
			(void)thread_schedule_until(clock_now() + NSEC_PER_MSEC);
		}
		port_put(p);
	}
}

static struct reboot_step reboot_step = { .name = "hvc", .fn = let_out };

void
hvc_init(void)
{
	reboot_register(&reboot_step);
}
