/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets: what a protocol family implements, and what the layer above it does for all of them (net/socket.c, options, control
 * messages, the system calls). A socket is a file of sockfs, or, before accept(2), a socket without a file.
 *
 * Lock key: [I] immutable  [a] atomic
 */
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include "mm/iobuf.h"
#include "sys/abi/socket.h"
#include "sys/file.h"
#include "sys/wait.h"

struct cred;
struct pid;
struct socket;
struct strbuf;
struct user_counts;

struct socket_addr { u32 len; union { u16 family; u8 raw[SOCKADDR_MAX]; }; };	/* len 0: none */

/* Open files on their way from process to process: SCM_RIGHTS of unix(7). */
struct scm_files {
	u32 count;
	struct user_counts *user;	/* whose descriptors on their way they count as, or NULL: net/unix/gc.c */
	struct scm_files *next;		/* waits to be released: net/unix/gc.c */
	struct file *file[SCM_MAX_FD];
};
/* Who sent: SCM_CREDENTIALS. pid NULL: not told. */
struct scm_creds { struct pid *pid; kuid_t uid; kgid_t gid; };

/* One sendmsg or recvmsg. */
struct socket_msg {
	struct iobuf *buf;
	struct socket_addr name;	/* send: where to. recv: filled in */
	u32 flags;			/* MSG_* of the call; MSG_DONTWAIT also for O_NONBLOCK */
	u32 out_flags;			/* recv: MSG_TRUNC, MSG_CTRUNC, MSG_EOR */
	u8 *control;			/* send: control messages, in kernel memory */
	size_t control_len;		/* send: of them. recv: room left */
	u8 __user *control_to;		/* recv: where the next one goes */
};

/*
 * Operations. Each may sleep. NULL: -EOPNOTSUPP (ioctl: -ENOTTY, options: -ENOPROTOOPT). Interrupted sleeps answer what
 * socket_sleep_error() says.
 */
struct socket_ops {
	int (*bind)(struct socket *s, const struct socket_addr *a);
	int (*connect)(struct socket *s, const struct socket_addr *a, bool nonblock);
	int (*pair)(struct socket *a, struct socket *b);		/* socketpair(2) */
	int (*listen)(struct socket *s, u32 backlog);
	int (*accept)(struct socket *s, bool nonblock, struct socket **out);	/* *out: referenced, without a file */
	int (*getname)(struct socket *s, bool peer, struct socket_addr *out);
	int (*shutdown)(struct socket *s, int how);			/* SHUT_*_K */
	ssize_t (*sendmsg)(struct socket *s, struct socket_msg *m);
	ssize_t (*recvmsg)(struct socket *s, struct socket_msg *m);
	u32 (*poll)(struct socket *s, struct file *f, struct poll_table *pt);
	long (*ioctl)(struct socket *s, unsigned int cmd, u64 arg);
	int (*set_option)(struct socket *s, int level, int name, const void *val, u32 len);
	/* *len: room, then how much there is. */
	int (*get_option)(struct socket *s, int level, int name, void *val, u32 *len);
	void (*set_bound)(struct socket *s, int name);		/* the layer changed SO_SNDBUF or SO_RCVBUF */
	/* SO_PEERCRED and SO_PEERGROUPS: references; both NULL: there is no peer. */
	void (*peer_cred)(struct socket *s, struct pid **pid, const struct cred **cred);
	void (*release)(struct socket *s);			/* its file is gone; frees it, now or with its last reference */
};

struct socket {				/* a family embeds it in its own object */
	const struct socket_ops *ops;	/* [I] */
	u16 family, type;		/* [I] */
	int protocol;			/* [I] */
	struct waitq wq;		/* everything that readiness and sleeping callers wait for */
	struct file *file;		/* [a, r] no reference; NULL: no file yet, or no more */
	int error;			/* [a] pending one, told once: SO_ERROR */
	bool accepting;			/* [a] SO_ACCEPTCONN */
	u32 sndbuf, rcvbuf;		/* [a] bytes, with overhead as socket(7) doubles them */
	u32 rcvlowat;			/* [a] */
	nsec_t rcvtimeo, sndtimeo;	/* [a] NSEC_MAX: none */
	struct abi_linger linger;	/* [a] two words that are set apart */
	u32 options;			/* [a] BIT(SO_x) of those below 32 that are on or off */
	u32 priority, mark;		/* [a] */
	int peek_off;			/* [a] -1: off */
};

#define SOCKET_BUF_DEFAULT	212992	/* net.core.wmem_default and its like */
extern int net_wmem_max, net_rmem_max, net_somaxconn;	/* [a] sysctl net.core */

/* A family: creates sockets of a checked type. -ESOCKTNOSUPPORT, -EPROTONOSUPPORT, -EACCES, -EPERM, -ENOMEM. */
struct socket_family { int family; int (*create)(int type, int protocol, struct socket **out); };
void socket_register(const struct socket_family *fam);	/* boot */

void socket_init(struct socket *s, const struct socket_ops *ops, int family, int type, int protocol);
/* Tell waiters and pollers. events: POLL*. Any context. */
void socket_wake(struct socket *s, u32 events);
/* The pending error as -errno, which is told with this; 0. */
int socket_take_error(struct socket *s);
static inline void socket_set_error(struct socket *s, int err) { atomic_store_relaxed(&s->error, -err); }
/* The time until which a call sleeps: 0 for one that must not. */
nsec_t socket_deadline(nsec_t timeo, bool nonblock);
/* What a call answers whose sleep ended with err: -ETIMEDOUT is -EAGAIN; a signal restarts only calls without a time-out. */
int socket_sleep_error(int err, nsec_t timeo);
static inline bool socket_option(const struct socket *s, int name) { return atomic_load_relaxed(&s->options) & BIT(name); }

/*
 * Sleep on the socket until cond: 0, -EAGAIN, -ERESTARTSYS or -EINTR. timeo: as of the call's begin.
 */
#define socket_wait(s, cond, timeo, nonblock) ({ \
	int sw_err_ = 0; \
	if (!(cond)) { \
		nsec_t sw_end_ = socket_deadline(timeo, false); \
		sw_err_ = (nonblock) ? -EAGAIN : \
			socket_sleep_error(wait_event_interruptible_until(&(s)->wq, cond, sw_end_), timeo); \
	} \
	sw_err_; })

/* net/socket.c: the socket of an open file, -ENOTSOCK as ERR_PTR. */
struct socket *socket_of(struct file *f);
/* A file for s, which takes it over (also on failure: then it is released). flags: O_NONBLOCK. -ENFILE, -ENOMEM. */
int __must_check socket_file(struct socket *s, int flags, struct file **out);
/* socket(2) without the descriptor. type: without flags. */
int __must_check socket_create(int family, int type, int protocol, struct socket **out);
u64 socket_ino(const struct socket *s);			/* 0: no file */

/* net/sockopt.c. Values in kernel memory, len at most SOCKOPT_MAX. */
#define SOCKOPT_MAX	1024
int socket_set_option(struct socket *s, int level, int name, const void *val, u32 len);
int socket_get_option(struct socket *s, int level, int name, void *val, u32 *len);

/* net/control.c: control messages. */
struct control_iter { const u8 *p, *end; int level, type; const u8 *data; size_t len; };
void control_begin(struct control_iter *it, const struct socket_msg *m);
/* 1: the next one; 0: no more; -EINVAL: its length is wrong. */
int control_next(struct control_iter *it);
/* Hand one to the receiver; MSG_CTRUNC in m->out_flags where it does not fit. */
void control_put(struct socket_msg *m, int level, int type, const void *data, size_t len);
/* SOL_SOCKET's: *files (NULL: none) and *creds with references. -EINVAL, -EBADF, -EPERM, -ESRCH, -ENOMEM, -ETOOMANYREFS. */
int __must_check scm_collect(const struct socket_msg *m, struct scm_files **files, struct scm_creds *creds);
/* Descriptors for the files, as many as fit; references of all of them are given up. files is freed. */
void scm_deliver_files(struct socket_msg *m, struct scm_files *files);
void scm_deliver_creds(struct socket_msg *m, const struct scm_creds *creds);
void scm_creds_current(struct scm_creds *c);		/* of the caller: real ids */
void scm_creds_put(struct scm_creds *c);
struct scm_files *scm_files_copy(const struct scm_files *files);	/* with references; NULL: no memory */
void scm_files_free(struct scm_files *files);		/* NULL allowed. May release files: sleeps */

void net_init(void);		/* boot, behind vfs_init */

/* net/unix/ */
void unix_init(void);
void unix_show(struct strbuf *out);	/* /proc/net/unix */
extern int unix_max_dgram_qlen;		/* [a] sysctl net.unix.max_dgram_qlen */

#endif
