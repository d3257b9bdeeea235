/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The global lock order, as data: a thread that holds a lock may take only locks of a later class.
 * The debug build (sys/lockdep.c) enforces it. Locks of one class nest only through the *_nested
 * calls, whose callers state their own order (parent before child, lower address first).
 * Sleeping locks come first; below LOCK_SPIN_FIRST are spinlocks, which never wrap a sleep.
 * Add a class at its place, with a comment that says what it protects.
 */
#ifndef SYS_LOCK_ORDER_H
#define SYS_LOCK_ORDER_H

enum lock_class {
	LOCK_NONE,		/* not checked: only for locks of the checker and of panic output */

	/* --- sleeping locks, outermost first --- */
	LOCK_EXEC,		/* proc: one exec or ptrace attach of a process at a time */
	LOCK_PROCTREE_SLEEP,	/* proc: reserved for long walks over the tree */
	LOCK_TTY_CTL,		/* tty: open, hangup, session (outer) */
	LOCK_WRITEBACK,		/* write-back has a mapping in hand: outside of what ->hold, ->drop and ops take */
	LOCK_EPOLL,		/* epoll instance (nests: instance that watches before watched) */
	LOCK_FILE_POS,		/* file: offset */
	LOCK_SOCKET_BIND,	/* socket: getting a name (makes a node in the file system) */
	LOCK_TEXT,		/* text of a generated file, while it is made */
	LOCK_BUS,		/* a bus: its devices and drivers; held over probe and remove */
	LOCK_LOOP,		/* a loop device's set-up; the list of them */
	LOCK_BLOCK_OPEN,	/* disk: opening, closing, reading the partition table */
	LOCK_DEVICE,		/* device tree; its listeners make and remove files */
	LOCK_MOUNT,		/* mount tree changes */
	LOCK_UMOUNT,		/* super block on its way out, against shrinkers (which only try) */
	LOCK_FS_RENAME,		/* super block: cross-directory rename */
	LOCK_DIR,		/* vnode that is a directory (parent; ancestor first) */
	LOCK_DIR_CHILD,		/* a directory locked below its parent */
	LOCK_VNODE,		/* vnode that is not a directory */
	LOCK_PIPE,		/* pipe (two pipes: lower address first) */
	LOCK_SOCKET_READ,	/* socket: one reader of its queue at a time */
	LOCK_TTY_WRITE,		/* tty: one write(2) at a time */
	LOCK_TTY,		/* tty: line discipline, termios */
	LOCK_CHRDEV,		/* device registries */
	LOCK_IRQ_SETUP,		/* interrupt handlers: request and free */
	LOCK_FILES,		/* fd table */
	LOCK_AS,		/* address space layout */
	LOCK_IPC,		/* proc: System V IPC, a table of objects (an unmapping may be the end of a segment) */
	LOCK_VMA,		/* one VMA */
	LOCK_MAPPING_INVAL,	/* page cache: truncate against fault */
	LOCK_JOURNAL,		/* a journal's checkpointing and super block */
	LOCK_TRANS,		/* file system transaction: a handle is open (held shared; the commit waits for all of them) */
	LOCK_PAGE,		/* page lock (bit in struct page) */
	LOCK_RMAP_FILE,		/* mapping's interval tree of VMAs */
	LOCK_RMAP_ANON,		/* anonymous object's VMAs */
	LOCK_FS_MAP,		/* file system: the block map of a file */
	LOCK_FS_ALLOC,		/* file system: lists on the disk, then a group of blocks (by _nested) */
	LOCK_BUF,		/* block buffer */
	LOCK_BLOCK,		/* disk: partitions, openers */
	LOCK_SB,		/* super block: allocation, lists */
	LOCK_KMAP,		/* kernel virtual areas */
	LOCK_SLAB_LIST,		/* list of slab caches */
	LOCK_CONSOLE,		/* console registration */
	LOCK_LEAF_SLEEP,	/* any sleeping lock that takes no other sleeping lock */

	/* --- spinlocks --- */
	LOCK_SPIN_FIRST,
	LOCK_PROCTREE,		/* proc: parent, children, groups, sessions */
	LOCK_SIGHAND,		/* proc: handlers, pending signals, group exit */
	LOCK_PID,		/* pid numbers and their lists */
	LOCK_PROC,		/* proc: small fields of one process */
	LOCK_FUTEX,		/* futex bucket (two: lower address first) */
	LOCK_IPC_OBJECT,	/* proc: one IPC object */
	LOCK_IPC_UNDO,		/* proc: a list of semaphore undos */
	LOCK_FSCTX_LIST,	/* all of them, for pivot_root */
	LOCK_FSCTX,		/* root and cwd */
	LOCK_FD,		/* fd bitmaps and array */
	LOCK_DENTRY_TREE,	/* renames: shape of the dentry tree */
	LOCK_DENTRY,		/* one dentry (parent before child by _nested) */
	LOCK_VNODE_SPIN,	/* vnode state, times, size */
	LOCK_DENTRY_HASH,	/* dentry hash bucket */
	LOCK_FLOCK,		/* record locks */
	LOCK_INOTIFY,		/* reserved for notification */
	LOCK_MAPPING,		/* page cache index and tags */
	LOCK_PT,		/* one page-table page */
	LOCK_TTY_BUF,		/* tty: flip buffers, driver output */
	LOCK_LRU,		/* page LRU */
	LOCK_VNODE_HASH,	/* vnode cache (write-back of pages revives unused vnodes) */
	LOCK_JOURNAL_LIST,	/* a journal's transactions and lists of buffers */
	LOCK_BUF_STATE,		/* buffers of a page: state at the end of I/O */
	LOCK_BLOCK_QUEUE,	/* a block queue and its hardware queues */
	LOCK_DISK_HW,		/* a disk driver's registers and rings */
	LOCK_SOCKET_TABLE,	/* names of sockets, and all of them */
	LOCK_SOCKET,		/* a socket's state and queue (two: lower address first) */
	LOCK_ITIMER,		/* proc: POSIX timers */
	LOCK_MQUEUE,		/* a POSIX message queue */
	LOCK_EVENT,		/* eventfd, timerfd, signalfd */
	LOCK_EPOLL_READY,	/* epoll ready list (taken from wake-ups of any source) */
	LOCK_WAITQ,		/* wait queue (a call-back may take LOCK_WAITQ_NESTED) */
	LOCK_EPOLL_SPIN,	/* reserved */
	LOCK_WAITQ_NESTED,	/* wait queue that is woken from a call-back: idle workers */
	LOCK_MUTEX_WAIT,	/* inside a mutex or rwlock: its list of waiters */
	LOCK_PI,		/* priority inheritance chain */
	LOCK_THREAD,		/* one thread's scheduling state (wake) */
	LOCK_RUNQUEUE,		/* a CPU's run queue (two: lower CPU first) */
	LOCK_TIMER,		/* a CPU's timer tree */
	LOCK_WORK,		/* work list */
	LOCK_SLAB,		/* one slab cache */
	LOCK_ZONE,		/* buddy free lists */
	LOCK_TLB,		/* TLB shoot-down */
	LOCK_IRQ,		/* interrupt descriptor */
	LOCK_IRQ_CHIP,		/* interrupt controllers, vectors, message tables */
	LOCK_CLOCK,		/* timekeeper's write side */
	LOCK_RANDOM,		/* random pool */
	LOCK_SERIAL,		/* UART registers */
	LOCK_LEAF,		/* any spinlock that takes no other */
	LOCK_RCU,		/* grace periods */
	LOCK_LOG,		/* log ring */
	LOCK_CLASS_COUNT
};

/* sys/lockdep.c: a printable name. */
const char *lock_class_name(enum lock_class c);

#endif
