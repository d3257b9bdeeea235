/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside dev/virtio: ports of a virtio console. console.c has the device and its control messages, port.c moves bytes, hvc.c makes a
 * terminal of a port, vport.c a character device.
 *
 * Lock key: [I] immutable after it is made  [l] the port's lock (LOCK_SERIAL, irqs off)  [c] the console's control lock  [a] atomic
 */
#ifndef DEV_VIRTIO_CONSOLE_H
#define DEV_VIRTIO_CONSOLE_H

#include "dev/virtio/virtio.h"
#include "sys/mutex.h"
#include "sys/wait.h"
#include "sys/work.h"

#define PORTS_MAX	16U		/* of the device's, those with higher numbers are refused */
#define RX_BUFFERS	8U
#define RX_SIZE		512U
#define TX_SIZE		8192U		/* a power of two */
#define PORT_NAME_MAX	64U

struct vport;
struct vcon;
struct abi_winsize;

struct rx_buffer {
	struct list node;	/* [l] in received, or out */
	u32 index;		/* [I] */
	u32 len, off;		/* [l] what it holds, what of it is consumed */
};

/* Who uses a port's bytes. */
struct port_ops {
	/* Take up to n bytes that came in: how many. One call at a time, no lock held, any context. */
	u32 (*take)(struct vport *p, const u8 *data, u32 n);
	void (*sent)(struct vport *p);		/* there is room again; hard-irq context */
};

struct vport {
	struct vcon *vc;		/* [I] */
	u32 id;				/* [I] its number on the device */
	struct refcount refs;		/* [a] */
	struct virtqueue *rx, *tx;	/* [I] calls [l] */
	struct spinlock lock;
	const struct port_ops *ops;	/* [l] NULL: nobody yet, or no more */
	u32 calls;			/* [a] of ops under way; one more only under [l] */
	bool gone;			/* [a] */
	struct rx_buffer buffers[RX_BUFFERS];
	u8 *rx_memory, *tx_memory;	/* [I] */
	u64 rx_address, tx_address;	/* [I] */
	struct list received;		/* [l] buffers with bytes, in order */
	bool delivering, again;		/* [l] somebody calls ops->take; and shall look once more */
	u32 tx_head, tx_sent, tx_tail;	/* [l] free-running: put in, given to the device, back from it */
	u32 tx_len[64];			/* [l] lengths of the pieces that the device has, a ring */
	u32 tx_first, tx_pieces;	/* [l] */
	bool held;			/* [l] output is stopped by flow control */
	bool host_open;			/* [a] somebody is connected at the host's side */
	char name[PORT_NAME_MAX];	/* [c] what the host calls it */
	bool is_console;		/* [c] user is a terminal */
	void *user;			/* [c] of ops: the terminal or the character device */
};

struct vcon {
	struct virtio_device *vd;	/* [I] until gone */
	struct refcount refs;		/* [a] ports hold them */
	bool multiport;			/* [I] */
	u32 nports;			/* [I] places in ports */
	struct vport *ports[PORTS_MAX];	/* [c] */
	struct mutex control;		/* LOCK_BUS: it registers devices */
	bool gone;			/* [a] */
	struct virtqueue *control_rx, *control_tx;	/* [I] calls [l] of control_lock */
	struct spinlock control_lock;	/* LOCK_SERIAL */
	u8 *control_memory;		/* [I] messages in, then messages out */
	u64 control_address;
	u32 control_busy;		/* [control_lock] bit per message out */
	struct work control_work, config_work;
	struct waitq console_wq;	/* a terminal is there */
	u32 consoles;			/* [a] */
};

/* --- port.c --- */
int __must_check port_create(struct vcon *vc, u32 id, struct virtqueue *rx, struct virtqueue *tx, struct vport **out);
void port_get(struct vport *p);
void port_put(struct vport *p);
void port_start(struct vport *p);		/* give the device its buffers */
void port_set_ops(struct vport *p, const struct port_ops *ops, void *user);
/* From its return on none of the ops runs. user stays. May sleep. */
void port_clear_ops(struct vport *p);
/* The device is stopped: what the queues hold is taken back. */
void port_stop(struct vport *p);
/* Bytes of p taken, 0 when there is no room. Any context. */
u32 port_write(struct vport *p, const u8 *data, u32 n);
u32 port_write_room(struct vport *p);
u32 port_unsent(struct vport *p);
void port_flush(struct vport *p);		/* forget what the device has not got yet */
void port_hold(struct vport *p, bool hold);
void port_deliver(struct vport *p);		/* ops->take has room again. Any context */
/* The host has unplugged it: nothing of it shall be seen in the next one of its number. Nobody uses it; [c] held. */
void port_forget(struct vport *p);
u32 port_received(struct vport *p);		/* bytes that wait. Any context */
/* For the log: without waiting for locks or interrupts, bounded, and sent before it returns where that can be. Any context. */
void port_write_now(struct vport *p, const char *text, size_t len);
void port_rx_done(struct virtqueue *vq);	/* the queues' call-backs; priv: where the struct vport * stands */
void port_tx_done(struct virtqueue *vq);

/* --- hvc.c: /dev/hvcN --- */
int __must_check hvc_attach(struct vport *p);
void hvc_detach(struct vport *p);
void hvc_resize(struct vport *p, u32 columns, u32 rows);	/* thread context */
void hvc_init(void);

/* --- vport.c: /dev/vportNpM, /sys/class/virtio-ports --- */
int __must_check vport_attach(struct vport *p);
void vport_detach(struct vport *p);
void vport_host_changed(struct vport *p);	/* host_open */

/* --- console.c --- */
void console_send(struct vcon *vc, u32 id, u16 event, u16 value);
enum { CONTROL_DEVICE_READY, CONTROL_PORT_ADD, CONTROL_PORT_REMOVE, CONTROL_PORT_READY, CONTROL_CONSOLE_PORT, CONTROL_RESIZE, CONTROL_PORT_OPEN,
	CONTROL_PORT_NAME };

#endif
