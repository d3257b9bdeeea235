/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Consoles (virtio 1.2, 5.3): the device. Without MULTIPORT it has one port, which is a console. With it, the device tells by control
 * messages which ports there are, which of them are consoles, their names, and whether somebody is connected.
 *
 * Control messages are handled in a worker, under the control lock, outermost here, since it registers devices. Ports are made
 * once and stay until the device goes: one that the host unplugs only loses its terminal or character device.
 */
#include "dev/virtio/console.h"

#include "dev/tty/tty.h"
#include "sys/abi/errno.h"
#include "sys/clock.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"
#include "sys/log.h"

enum { CONSOLE_F_SIZE = 0, CONSOLE_F_MULTIPORT = 1 };		/* [5.3.3] */
enum { CONSOLE_COLUMNS = 0, CONSOLE_ROWS = 2, CONSOLE_MAX_PORTS = 4 };	/* [5.3.4] */

struct control_message { u32 id; u16 event, value; };	/* then data */
struct control_resize { u16 columns, rows; };

#define MESSAGE_SIZE	128U		/* in, with its data */
#define MESSAGES_IN	8U
#define MESSAGES_OUT	16U
#define OUT_OFFSET	(MESSAGES_IN * MESSAGE_SIZE)
#define CONTROL_SIZE	(OUT_OFFSET + MESSAGES_OUT * sizeof(struct control_message))
#define CONSOLE_LIMIT	(2 * NSEC_PER_SEC)
#define SEND_TRIES	1000		/* of a millisecond */

/* --- control messages out --- */

/* A place for a message, from those that came back: its index, or -1. [control_lock] held. */
static int
free_place(struct vcon *vc)
{
	void *token;
	u32 len;

	while ((token = virtqueue_get(vc->control_tx, &len)) != NULL)
		vc->control_busy &= ~(1U << (((u8 *)token - vc->control_memory - OUT_OFFSET) / sizeof(struct control_message)));
	for (u32 i = 0; i < MESSAGES_OUT; i++)
		if (!(vc->control_busy >> i & 1))
			return (int)i;
	return -1;
}

static bool
try_send(struct vcon *vc, const struct control_message *m)
{
	u64 flags = spin_lock_irqsave(&vc->control_lock);
	int i = atomic_load_relaxed(&vc->gone) ? -1 : free_place(vc);
	bool sent = false;

	if (i >= 0) {
		u32 at = OUT_OFFSET + (u32)i * (u32)sizeof(*m);
		struct dma_segment seg = { vc->control_address + at, sizeof(*m) };
		struct virtio_part part = { &seg, 1, false };

		memcpy(vc->control_memory + at, m, sizeof(*m));
		sent = virtqueue_add(vc->control_tx, &part, 1, vc->control_memory + at) == 0;
		if (sent)
			vc->control_busy |= 1U << i;
		virtqueue_kick(vc->control_tx);
	}
	spin_unlock_irqrestore(&vc->control_lock, flags);
	return sent;
}

void
console_send(struct vcon *vc, u32 id, u16 event, u16 value)
{
	struct control_message m = { id, event, value };

	for (u32 i = 0; vc->multiport && i < SEND_TRIES && !atomic_load_relaxed(&vc->gone); i++) {
		if (try_send(vc, &m))
			return;
		thread_set_state(THREAD_UNINTERRUPTIBLE);
		(void)thread_schedule_until(clock_now() + NSEC_PER_MSEC);
	}
}

/* --- ports. [c] held --- */

static int
add_port(struct vcon *vc, u32 id)
{
	u32 queue = id == 0 ? 0 : 2 + 2 * id;
	struct vport *p = NULL;
	int err;

	if (vc->ports[id] != NULL)
		return 0;
	err = port_create(vc, id, vc->vd->queues[queue], vc->vd->queues[queue + 1], &p);
	if (err != 0)
		return err;
	WRITE_ONCE(vc->ports[id], p);
	port_start(p);
	return 0;
}

static void
detach_port(struct vport *p)
{
	if (p->user == NULL)
		return;
	port_clear_ops(p);	/* interrupts go on, if only this port goes */
	if (p->is_console)
		hvc_detach(p);
	else
		vport_detach(p);
	p->user = NULL;
	p->is_console = false;
}

/* Whoever is connected at the host may have made it a plain one, before the device says what it is. */
static void
make_console(struct vcon *vc, struct vport *p)
{
	int err;

	if (p->is_console)
		return;
	detach_port(p);
	err = hvc_attach(p);
	if (err != 0) {
		log_err("%s: no terminal for port %u: error %d", vc->vd->dev.name, p->id, -err);
		return;
	}
	p->is_console = true;
	if (virtio_has(vc->vd, CONSOLE_F_SIZE))
		hvc_resize(p, virtio_config_read16(vc->vd, CONSOLE_COLUMNS), virtio_config_read16(vc->vd, CONSOLE_ROWS));
	console_send(vc, p->id, CONTROL_PORT_OPEN, 1);
	atomic_add(&vc->consoles, 1u);
	waitq_wake_all(&vc->console_wq);
}

/* A port that nobody called a console when its name or connection comes is a plain one. */
static void
make_plain(struct vcon *vc, struct vport *p)
{
	int err = p->user == NULL ? vport_attach(p) : 0;

	if (err != 0)
		log_err("%s: no device for port %u: error %d", vc->vd->dev.name, p->id, -err);
}

/* --- control messages in --- */

static void
set_name(struct vport *p, const u8 *name, u32 len)
{
	len = MIN(len, PORT_NAME_MAX - 1);
	memcpy(p->name, name, len);
	p->name[len] = '\0';
	for (u32 i = 0; i < len && p->name[i] != '\0'; i++)
		if (p->name[i] < ' ' || p->name[i] > '~')
			p->name[i] = '?';
}

static void
resize(struct vport *p, const u8 *data, u32 len)
{
	struct control_resize r;

	if (len < sizeof(r) || !p->is_console)
		return;
	memcpy(&r, data, sizeof(r));
	hvc_resize(p, r.columns, r.rows);
}

static void
handle(struct vcon *vc, const struct control_message *m, const u8 *data, u32 len)
{
	struct vport *p;

	if (m->event == CONTROL_PORT_ADD) {
		bool good = m->id < vc->nports && add_port(vc, m->id) == 0;

		if (!good)
			log_warn("%s: port %u is refused", vc->vd->dev.name, m->id);
		console_send(vc, m->id, CONTROL_PORT_READY, good);
		return;
	}
	p = m->id < vc->nports ? vc->ports[m->id] : NULL;
	if (p == NULL)
		return;
	switch (m->event) {
	case CONTROL_PORT_REMOVE:
		detach_port(p);
		port_forget(p);
		break;
	case CONTROL_CONSOLE_PORT:
		if (m->value != 0)
			make_console(vc, p);
		break;
	case CONTROL_RESIZE:
		resize(p, data, len);
		break;
	case CONTROL_PORT_OPEN:
		atomic_store_relaxed(&p->host_open, m->value != 0);
		make_plain(vc, p);
		if (!p->is_console && p->user != NULL)
			vport_host_changed(p);
		break;
	case CONTROL_PORT_NAME:
		set_name(p, data, len);
		make_plain(vc, p);
		break;
	}
}

/* [control_lock] held */
static void
offer_message(struct vcon *vc, u8 *place)
{
	struct dma_segment seg = { vc->control_address + (u64)(place - vc->control_memory), MESSAGE_SIZE };
	struct virtio_part part = { &seg, 1, true };

	if (virtqueue_add(vc->control_rx, &part, 1, place) != 0)
		log_err("%s: no more control messages", vc->vd->dev.name);
}

/* The next message, copied out, its buffer given back: its length, 0: there is none. */
static u32
next_message(struct vcon *vc, u8 copy[MESSAGE_SIZE])
{
	u64 flags = spin_lock_irqsave(&vc->control_lock);
	u8 *place = NULL;
	u32 len = 0;

	while (!atomic_load_relaxed(&vc->gone) && (place = virtqueue_get(vc->control_rx, &len)) == NULL)
		if (virtqueue_callback_on(vc->control_rx))
			break;
	if (place != NULL) {
		memcpy(copy, place, len);
		offer_message(vc, place);
		virtqueue_kick(vc->control_rx);
	}
	spin_unlock_irqrestore(&vc->control_lock, flags);
	return place == NULL ? 0 : MAX(len, 1U);
}

static void
control_worker(struct work *w)
{
	struct vcon *vc = container_of(w, struct vcon, control_work);
	u8 copy[MESSAGE_SIZE];
	u32 len;

	mutex_lock(&vc->control);
	while ((len = next_message(vc, copy)) != 0) {
		struct control_message m;

		if (len < sizeof(m))
			continue;
		memcpy(&m, copy, sizeof(m));
		handle(vc, &m, copy + sizeof(m), len - (u32)sizeof(m));
	}
	mutex_unlock(&vc->control);
}

static void
control_done(struct virtqueue *vq)
{
	struct vcon *vc = virtqueue_priv(vq);

	work_queue(&vc->control_work);
}

/* --- the size of the one port's terminal --- */

static void
config_worker(struct work *w)
{
	struct vcon *vc = container_of(w, struct vcon, config_work);

	mutex_lock(&vc->control);
	if (virtio_has(vc->vd, CONSOLE_F_SIZE) && !vc->multiport && vc->ports[0] != NULL && vc->ports[0]->is_console)
		hvc_resize(vc->ports[0], virtio_config_read16(vc->vd, CONSOLE_COLUMNS), virtio_config_read16(vc->vd, CONSOLE_ROWS));
	mutex_unlock(&vc->control);
}

static void
config_changed(struct virtio_device *vd)
{
	struct vcon *vc = vd->priv;

	work_queue(&vc->config_work);
}

/* --- life --- */

static int
make_queues(struct vcon *vc)
{
	u32 n = vc->multiport ? 2 + 2 * vc->nports : 2;
	struct virtqueue_spec *specs = kmem_alloc_array(n, sizeof(*specs), KM_ZERO);
	int err;

	if (specs == NULL)
		return -ENOMEM;
	for (u32 i = 0; i < n; i++) {
		struct vport **place = &vc->ports[i < 2 ? 0 : (i - 2) / 2];

		specs[i] = (struct virtqueue_spec){ i & 1 ? "output" : "input", i & 1 ? port_tx_done : port_rx_done, place, 64 };
	}
	if (n > 2) {
		specs[2] = (struct virtqueue_spec){ "control-i", control_done, vc, MESSAGES_IN };
		specs[3] = (struct virtqueue_spec){ "control-o", NULL, vc, MESSAGES_OUT };
	}
	err = virtio_queues_create(vc->vd, n, specs);
	kmem_free(specs);
	return err;
}

/* The device's messages about its ports come soon; programs should find the console that the command line names. */
static void
start_multiport(struct vcon *vc)
{
	u64 flags;

	vc->control_rx = vc->vd->queues[2];
	vc->control_tx = vc->vd->queues[3];
	virtio_device_ready(vc->vd);
	flags = spin_lock_irqsave(&vc->control_lock);
	for (u32 i = 0; i < MESSAGES_IN && virtqueue_room(vc->control_rx) > 0; i++)
		offer_message(vc, vc->control_memory + i * MESSAGE_SIZE);
	virtqueue_kick(vc->control_rx);
	spin_unlock_irqrestore(&vc->control_lock, flags);
	console_send(vc, 0, CONTROL_DEVICE_READY, 1);
	if (tty_console_wanted("hvc0"))
		(void)wait_event_until(&vc->console_wq, atomic_load_relaxed(&vc->consoles) > 0, clock_now() + CONSOLE_LIMIT);
}

static int
start_single(struct vcon *vc)
{
	int err;

	virtio_device_ready(vc->vd);
	mutex_lock_nested(&vc->control);
	err = add_port(vc, 0);
	if (err == 0)
		make_console(vc, vc->ports[0]);
	mutex_unlock(&vc->control);
	return err;
}

static void
vcon_put(struct vcon *vc)
{
	if (refcount_put(&vc->refs))
		kmem_free(vc);
}

static void
console_remove(struct virtio_device *vd)
{
	struct vcon *vc = vd->priv;
	u64 flags = spin_lock_irqsave(&vc->control_lock);

	atomic_store_release(&vc->gone, true);
	spin_unlock_irqrestore(&vc->control_lock, flags);
	(void)virtio_device_stop(vd);
	work_flush(&vc->control_work);
	work_flush(&vc->config_work);
	mutex_lock_nested(&vc->control);
	for (u32 i = 0; i < PORTS_MAX; i++) {
		struct vport *p = vc->ports[i];

		if (p == NULL)
			continue;
		port_stop(p);
		detach_port(p);
		vc->ports[i] = NULL;
		port_put(p);
	}
	mutex_unlock(&vc->control);
	while (vc->multiport && (virtqueue_detach(vc->control_rx) != NULL || virtqueue_detach(vc->control_tx) != NULL))
		;
	virtio_queues_destroy(vd);
	dma_free(vc->control_memory, CONTROL_SIZE);
	vd->priv = NULL;
	vcon_put(vc);
}

static int
console_probe(struct virtio_device *vd)
{
	struct vcon *vc = kmem_alloc(sizeof(*vc), KM_ZERO);
	int err = -ENOMEM;

	if (vc == NULL)
		return -ENOMEM;
	vc->vd = vd;
	vc->multiport = virtio_has(vd, CONSOLE_F_MULTIPORT);
	vc->nports = vc->multiport ? MIN(virtio_config_read32(vd, CONSOLE_MAX_PORTS), PORTS_MAX) : 1;
	vc->nports = MAX(vc->nports, 1U);
	refcount_init(&vc->refs, 1);
	mutex_init(&vc->control, LOCK_BUS);
	spin_init(&vc->control_lock, LOCK_SERIAL);
	waitq_init(&vc->console_wq);
	work_init(&vc->control_work, control_worker);
	work_init(&vc->config_work, config_worker);
	vc->control_memory = dma_alloc(&vd->dma, CONTROL_SIZE, &vc->control_address);
	if (vc->control_memory == NULL)
		goto out_free;
	vd->priv = vc;
	err = make_queues(vc);
	if (err != 0)
		goto out_memory;
	if (vc->multiport)
		start_multiport(vc);
	else
		err = start_single(vc);
	if (err == 0)
		return 0;
	console_remove(vd);
	return err;
out_memory:
	dma_free(vc->control_memory, CONTROL_SIZE);
out_free:
	vd->priv = NULL;
	kmem_free(vc);
	return err;
}

static struct virtio_driver driver = {
	.name = "virtio_console",
	.device_id = VIRTIO_ID_CONSOLE,
	.features = BIT(CONSOLE_F_SIZE) | BIT(CONSOLE_F_MULTIPORT),
	.probe = console_probe,
	.remove = console_remove,
	.config_changed = config_changed,
};

void
virtio_console_init(void)
{
	hvc_init();
	virtio_driver_register(&driver);
}
