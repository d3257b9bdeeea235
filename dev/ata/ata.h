/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ATA driver's inside: ports, devices, commands on their way. Only dev/ata/ includes this.
 *
 *	port		what has a queue of commands of its own: an IDE channel (two devices), an AHCI port (one)
 *	device		a disk or CD drive behind a port; has a block disk once it is published
 *	command		one ATA command with its data segments and, at the end, the device's registers
 *
 * A command is handed in (ata_port_submit), waits in `deferred` while it can't be started, is started by the controller
 * (ops->start), and finished by its interrupt (ata_port_finish) or, on any failure, by the port's own thread (recover.c), which is
 * the only one that resets, probes and decides who is tried again. A queued command (NCQ) runs beside queued ones only; every
 * other one runs alone on its port.
 *
 * Lock key: [I] immutable  [a] atomic  [l] port's lock (LOCK_DISK_HW, irqs off)  [e] port's thread  [P] publish_lock
 *           [B] boot's thread, then PCI's lock
 */
#ifndef DEV_ATA_ATA_H
#define DEV_ATA_ATA_H

#include "dev/ata/command.h"
#include "dev/block.h"
#include "sys/spinlock.h"
#include "sys/wait.h"

#define ATA_SLOTS_MAX		32
#define ATA_UNITS_MAX		2
#define ATA_TRIES		3		/* of a command, of a reset */
#define ATA_TIMEOUT_MS		30000
#define ATA_RESET_MS		10000		/* until a device is there after a reset */

struct ata_device;
struct ata_port;

enum ata_class { ATA_NONE, ATA_DISK, ATA_PACKETS };
enum ata_failure { ATA_OK, ATA_FAILED_DEVICE, ATA_FAILED_LINK, ATA_FAILED_TIMEOUT };
enum ata_command_state { ATA_IDLE, ATA_DEFERRED, ATA_ACTIVE, ATA_RECOVERING };

struct ata_command {
	struct list node;		/* [l] deferred, or the port thread's lists */
	struct ata_device *dev;		/* [I] while it is out */
	struct ata_taskfile tf;
	struct ata_result result;	/* at the end; of good commands only where want_result */
	u8 cdb[16];			/* packets */
	u32 len;			/* bytes of data */
	u32 moved;			/* of them; PIO and packets */
	const struct dma_segment *segs;
	u32 nsegs;
	u64 sector;			/* TRIM: its data is made by ops->start, in memory of the port's own */
	u32 nr_sectors;
	struct dma_segment own[4];	/* segs of TRIM and of internal commands */
	u8 state;			/* [l] enum ata_command_state */
	u8 slot;			/* [l] while active */
	u8 failure;			/* enum ata_failure */
	bool want_result, internal;
	bool timed_out;			/* [l] its time is over: the port's thread will take it */
	bool recovery;			/* the port thread's own: runs while the port is frozen */
	bool again;			/* [e] it will be tried once more */
	bool unqueued;			/* [e] not by NCQ any more: an error among queued ones couldn't be told apart */
	u8 tries;			/* [e] failures until now */
	int err;			/* at done() */
	u32 pio_seg, pio_off;		/* [l] IDE: how far it is */
	void (*done)(struct ata_command *c);	/* once; any context, no lock held */
	void *priv;
};

struct ata_device {
	struct ata_port *port;		/* [I] */
	u8 unit;			/* [I] 0 or 1 */
	struct ata_identity id;		/* [e] before it is published, then [I] */
	u16 words[ATA_ID_WORDS];	/* the same */
	u8 mode;			/* [a] enum ata_mode */
	u8 timeouts;			/* [e] close upon each other, since the last change of mode */
	nsec_t last_timeout;		/* [e] */
	bool gone;			/* [l] */
	bool queued;			/* [P] node is in the publisher's list */
	struct list node;		/* [P] */
	struct refcount refs;		/* [a] port, publisher, disk, device tree */
	struct disk *disk;		/* [P] NULL: not published */
	struct device dev;		/* /sys/block/sda/device */
	char vendor[9], model[17], revision[5];	/* [I] before it is published */
	bool medium_changed;		/* [a] CD: nobody has asked yet */
	bool locked;			/* [a] CD: door */
	u8 cd_options;			/* [a] CDO_* */
};

struct ata_port_ops {
	/* Give it to the hardware. Lock held. It ends by ata_port_finish() or ata_port_fail(), later. -EIO: only a reset helps. */
	int (*start)(struct ata_port *p, struct ata_command *c);
	/* What the interrupt handler does, for interrupts that were lost. No lock held. */
	void (*poll)(struct ata_port *p);
	/* After ATA_EVENT_PUSH: wait until the device wants a command's first data, and go on with it; until `end`, or another event.
	 * The port's thread, no lock held. NULL: the controller moves all data by itself. */
	void (*push)(struct ata_port *p, nsec_t end);
	/* After a failure: nothing runs any more, and commands can be started again. -EIO: only a reset helps. The port's thread. */
	int (*stop)(struct ata_port *p);
	/* Reset; says what is there. Commands can be started then. -EIO: try again. The port's thread; takes at most some ATA_RESET_MS. */
	int (*reset)(struct ata_port *p, enum ata_class *found);
	/* A device with so many commands at a time: make room. -ENOMEM. The port's thread */
	int (*prepare)(struct ata_port *p, u32 slots);
	/* The last reference is gone: free what p is a part of. */
	void (*release)(struct ata_port *p);
};

enum {					/* port->events */
	ATA_EVENT_PROBE		= 1 << 0,	/* look anew: at boot, or something was plugged */
	ATA_EVENT_ERROR		= 1 << 1,	/* a device says so */
	ATA_EVENT_LINK		= 1 << 2,	/* the controller or the wire: reset */
	ATA_EVENT_TIMEOUT	= 1 << 3,
	ATA_EVENT_PUSH		= 1 << 4,
	ATA_EVENT_RETIRE	= 1 << 5,	/* the controller goes */
};

struct ata_port {
	const struct ata_port_ops *ops;	/* [I] */
	u32 index;			/* [I] from 1: "ata1" */
	u32 units;			/* [I] devices it can have */
	u32 slots;			/* [I] commands at a time, 1..32 */
	bool can_queue, can_dma;	/* [I] NCQ; PIO only */
	struct dma_limits dma;		/* [I] */
	struct device *parent;		/* [I] */
	struct spinlock lock;
	struct ata_command *active[ATA_SLOTS_MAX];	/* [l] */
	u32 active_mask;		/* [l] */
	u32 queued_mask;		/* [l] NCQ ones among them */
	struct list deferred;		/* [l] in order */
	bool frozen;			/* [l] only the port's thread starts commands */
	u32 events;			/* [l] ATA_EVENT_* */
	struct waitq wake;		/* the port's thread */
	struct waitq taken;		/* a command with timed_out was taken care of */
	struct ata_device *devs[ATA_UNITS_MAX];	/* [e] with a reference; readers elsewhere: at boot only */
	bool broken;			/* [e] only a reset helps */
	void *buf;			/* [e] 512 bytes for the port's thread */
	u64 buf_addr;			/* [I] */
#ifdef CONFIG_DEBUG
	u32 swallowed;			/* [l] slots whose commands the device never saw */
#endif
	struct completion probed;	/* the first time */
	struct completion retired;
	bool started;			/* [I] it has a thread */
	struct refcount refs;		/* [a] controller, devices */
	struct list node;		/* [B] all ports */
};

/* --- port.c --- */

/* The caller has filled in what is [I] of its own, zeroed the rest. -ENOMEM. Boot, one at a time. */
int __must_check ata_port_init(struct ata_port *p);
/* Its thread probes; interrupts can come. -ENOMEM. */
int __must_check ata_port_start(struct ata_port *p);
void ata_port_destroy(struct ata_port *p);	/* one that wasn't started, or in ops->release */
/* Its controller goes: its devices are gone, their commands end with -ENODEV, none is started any more, its thread has ended. Sleeps. */
void ata_port_retire(struct ata_port *p);
void ata_port_get(struct ata_port *p);
void ata_port_put(struct ata_port *p);
extern struct list ata_ports;
/* Takes c: it ends by c->done(). -ENODEV: the device is gone, c wasn't taken. Any context. */
int __must_check ata_port_submit(struct ata_port *p, struct ata_command *c);
/* The controller's: lock held. Take c off the hardware's hands; who called ends what is on `done` by ata_port_end(), unlocked. */
void ata_port_finish(struct ata_port *p, struct ata_command *c, struct list *done);
/* The same for a failure: the port's thread takes over. */
void ata_port_fail(struct ata_port *p, struct ata_command *c, enum ata_failure why, struct list *done);
void ata_port_end(struct ata_port *p, struct list *done);
void ata_port_event_locked(struct ata_port *p, u32 events);
void ata_port_event(struct ata_port *p, u32 events);
/* Start what waits. Lock held. */
void ata_port_run_locked(struct ata_port *p);
/* Run c and sleep until it ends: 0, -EIO, -ETIMEDOUT, -ENODEV ... data moves to or from physical address addr, c->len bytes.
 * recovery: by the port's thread, which holds the port frozen. */
int __must_check ata_execute(struct ata_port *p, struct ata_command *c, u64 addr, u32 timeout_ms, bool recovery);
/* c's time is over: sleeps until the port's thread has dealt with it. */
void ata_port_timeout(struct ata_port *p, struct ata_command *c);
void ata_sleep_ms(u32 ms);
/* The CPU's own view of segments, for PIO: an address that dma_map() gave is memory. */
void *ata_segment_memory(const struct dma_segment *s);
/* TRIM's data, for ops->start: 512 bytes of device memory. */
void ata_fill_trim(struct ata_command *c, void *data, u64 addr);

/* --- recover.c --- */
void ata_port_thread(void *arg);

/* --- device.c --- */
struct ata_device *ata_device_create(struct ata_port *p, u32 unit);	/* NULL: no memory */
void ata_device_get(struct ata_device *dev);
void ata_device_put(struct ata_device *dev);
/* It was found, or dev->gone was set: make or remove its disk, in the publisher's thread. */
void ata_device_changed(struct ata_device *dev);
/* Do so now, in this thread, with all that were. PCI's lock may be held. */
void ata_publish_now(void);
const char *ata_device_name(const struct ata_device *dev, char *buf, size_t size);	/* "ata1.00" */

/* --- disk.c, packet.c: make the disk of a device (dev->disk). The publisher's thread. --- */
int __must_check ata_disk_publish(struct ata_device *dev);
int __must_check ata_cd_publish(struct ata_device *dev);
/* The block layer's command is over, err as block_request_end() wants it. */
void ata_request_done(struct ata_command *c);
void ata_request_timeout(struct block_queue *q, struct block_request *rq);
void ata_disk_release(struct disk *d);
/* Packet with data of at most len bytes to or from buf (NULL: none): bytes moved, or -errno by the sense data, which goes to *sense
 * (NULL allowed). Tries again after unit attention. Sleeps. */
int __must_check ata_packet(struct ata_device *dev, const u8 *cdb, bool write, void *buf, u32 len, struct ata_sense *sense);
/* recover.c's: why a packet failed. */
int __must_check ata_request_sense(struct ata_device *dev, struct ata_sense *out);

/* --- hdio.c, cdrom.c --- */
enum { CDO_AUTO_CLOSE = 1, CDO_AUTO_EJECT = 2, CDO_USE_FFLAGS = 4, CDO_LOCK = 8, CDO_CHECK_TYPE = 16, CDO_ALL = 31 };	/* linux/cdrom.h */
long ata_disk_ioctl(struct disk *d, unsigned int cmd, u64 arg);
long ata_cd_ioctl(struct disk *d, unsigned int cmd, u64 arg);
/* Is there a medium? 0, -ENOMEDIUM ... sets the disk's size. */
int __must_check ata_cd_check_medium(struct ata_device *dev);
/* True: it was open, and was closed. */
bool ata_cd_close_tray(struct ata_device *dev);
void ata_cd_open_tray(struct ata_device *dev);

/* --- controllers --- */
void ahci_register(void);
void ide_register(void);

/* --- fault.c, in debug builds --- */
#ifdef CONFIG_DEBUG
/* May change c so that the device refuses it, or say that the device shall not see it at all. */
bool ata_fault_swallow(struct ata_command *c);
static inline u32 ata_fault_held(const struct ata_port *p) { return p->swallowed; }
bool ata_fault_dead(const struct ata_port *p);
u32 ata_fault_timeout(u32 ms);
extern const struct device_attr *const ata_fault_attrs[];
#else
#define ata_fault_swallow(c)	false
#define ata_fault_held(p)	0U
#define ata_fault_dead(p)	false
#define ata_fault_timeout(ms)	(ms)
#define ata_fault_attrs		NULL
#endif

#endif
