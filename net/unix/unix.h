/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AF_UNIX, unix(7): sockets between processes of this machine. README.md tells how the parts work together.
 *
 * Lock key: [I] immutable  [a] atomic  [l] u->lock  [T] unix_table_lock  [g] unix_gc_mutex  [r] u->read_lock
 */
#ifndef NET_UNIX_UNIX_H
#define NET_UNIX_UNIX_H

#include "fs/path.h"
#include "net/socket.h"
#include "sys/kmem.h"

struct unix_addr {			/* a name that a socket was bound to */
	struct refcount refs;
	u32 len;			/* as bind(2) and getsockname(2) count it */
	struct abi_sockaddr_un name;
};

enum unix_state { UNIX_CLOSED, UNIX_LISTENING, UNIX_CONNECTED };
enum { UNIX_RCV_SHUT = 1, UNIX_SEND_SHUT = 2, UNIX_BOTH_SHUT = 3 };

struct unix_socket {
	struct socket sock;		/* first */
	struct refcount refs;		/* its file or listener, peers, messages on their way */
	struct spinlock lock;		/* LOCK_SOCKET; of two, the one with the lower address first */
	enum unix_state state;		/* [l] UNIX_CONNECTED of datagram sockets: by peer alone */
	u32 shut;			/* [l] UNIX_*_SHUT */
	bool dead;			/* [l] closed */
	struct unix_socket *peer;	/* [l] whom it sends to; reference */
	struct list peers;		/* [l] datagram sockets whose peer this is; no references */
	struct list peers_node;		/* [the peer's l] */
	struct list queue;		/* [l] struct unix_msg, received */
	u32 queue_len;			/* [l] messages; of a listener: connections */
	struct list pending;		/* [l] a listener's connections that wait for accept */
	struct list pending_node;	/* [listener's l] */
	u32 backlog;			/* [l] queue_len may be one more */
	size_t queued;			/* [l] bytes not read yet */
	u32 charged;			/* [a] bytes of messages sent and not read yet */
	struct mutex read_lock;		/* LOCK_SOCKET_READ: one reader of the queue's head at a time */
	struct mutex bind_lock;		/* LOCK_SOCKET_BIND */
	struct unix_addr *addr;		/* [a, r] NULL: no name. Set once under bind_lock */
	struct path path;		/* [I once addr is set] of a name in the file system; reference */
	struct hnode hash;		/* [T] of an abstract name */
	struct list all_node;		/* [T] */
	struct pid *peer_pid;		/* [l] SO_PEERCRED; a listener's: its own */
	const struct cred *peer_cred;	/* [l] */
	u32 inflight;			/* [g] how many messages carry a descriptor of it */
	struct list inflight_node;	/* [g] */
	s32 gc_count;			/* [g] scratch of the collector */
	bool gc_candidate;		/* [g] the same */
};

static inline struct unix_socket *unix_of(struct socket *s) { return container_of(s, struct unix_socket, sock); }
static inline bool unix_is_dgram(const struct unix_socket *u) { return u->sock.type == SOCK_DGRAM; }

struct unix_msg {
	struct list node;		/* [receiver's l] */
	struct unix_socket *from;	/* [I] reference; pays `charge` */
	u32 len, off;			/* [I]; [r] bytes taken from the front */
	u32 charge;			/* [I] */
	bool vmem;			/* [I] of kmem_valloc */
	struct scm_creds creds;		/* [I] pid NULL: nobody asked */
	struct scm_files *files;	/* [r, g] or NULL */
	u8 data[];
};

/* unix.c: life, locks */
extern struct spinlock unix_table_lock;	/* LOCK_SOCKET_TABLE */
int __must_check unix_create(int type, struct unix_socket **out);	/* refs 1; -ENFILE, -ENOMEM */
void unix_get(struct unix_socket *u);
void unix_put(struct unix_socket *u);
/* Nobody can use it any more; gives the caller's reference up. unaccepted: it waited for accept(2). */
void unix_close(struct unix_socket *u, bool unaccepted);
void unix_wake_peers(struct unix_socket *u);	/* those that send datagrams here: there is room, or it is closed */
void unix_lock_two(struct unix_socket *a, struct unix_socket *b);
void unix_unlock_two(struct unix_socket *a, struct unix_socket *b);
struct unix_socket *unix_peer_get(struct unix_socket *u);		/* referenced, or NULL */
/* Connect u (its lock and peer's are held) to peer, whose reference is taken. */
void unix_set_peer(struct unix_socket *u, struct unix_socket *peer);
/* u forgets its peer if that is `peer` (NULL: any): the reference to give up, or NULL. u's lock is not held. */
struct unix_socket *unix_drop_peer(struct unix_socket *u, struct unix_socket *peer);
void unix_set_peer_cred(struct unix_socket *u, struct pid *pid, const struct cred *cred);	/* takes new references; u locked */
void unix_for_each(void (*fn)(struct unix_socket *u, void *arg), void *arg);	/* under [T] */

/* name.c: names */
extern const struct socket_addr unix_no_name;
int unix_bind(struct socket *s, const struct socket_addr *a);
int unix_autobind(struct unix_socket *u);
/* Who has the name: referenced. -ECONNREFUSED, -EPROTOTYPE, -EINVAL, and what a path walk says. */
int __must_check unix_find(const struct socket_addr *a, int type, struct unix_socket **out);
int unix_getname(struct socket *s, bool peer, struct socket_addr *out);
void unix_get_name(struct unix_socket *u, struct socket_addr *out);
void unix_unhash(struct unix_socket *u);
void unix_addr_put(struct unix_addr *a);

/* message.c: messages */
/* The sender's control messages. files count as on their way; creds: nobody's, unless one of both wants to know. */
int __must_check unix_collect(struct unix_socket *u, const struct socket_msg *m, struct scm_files **files, struct scm_creds *creds);
/* Wait until u may send, then make a message of the next n bytes of m->buf. *files is taken over and NULL then; creds is copied.
 * -EAGAIN, -EPIPE, -EFAULT, -ENOBUFS, the socket's error, signals. */
int __must_check unix_msg_make(struct unix_socket *u, struct socket_msg *m, u32 n, struct scm_files **files, struct scm_creds *creds,
	struct unix_msg **out);
/* to's lock, such that msg may be appended; files: whether it had any. */
void unix_msg_lock(struct unix_socket *to, const struct unix_msg *msg);
void unix_msg_unlock(struct unix_socket *to, bool files);
void unix_msg_append(struct unix_socket *to, struct unix_msg *msg);
/* Take msg off u's queue; free it with unix_msg_free(). u's lock is not held, its read_lock is. */
void unix_msg_take(struct unix_socket *u, struct unix_msg *msg);
void unix_msg_free(struct unix_msg *msg);
bool unix_writable(const struct unix_socket *u);
/* What comes beside the data: taken from a message (peek: copied, -ENOMEM) under read_lock, given to the caller without it. */
struct unix_extras { struct scm_files *files; struct scm_creds creds; bool has_creds; };
int __must_check unix_extras_take(struct unix_msg *msg, bool peek, struct unix_extras *x);
void unix_extras_deliver(struct unix_socket *u, struct socket_msg *m, struct unix_extras *x);

/* stream.c, dgram.c, connect.c: the operations */
ssize_t unix_stream_send(struct socket *s, struct socket_msg *m);
ssize_t unix_stream_recv(struct socket *s, struct socket_msg *m);
ssize_t unix_dgram_send(struct socket *s, struct socket_msg *m);
ssize_t unix_dgram_recv(struct socket *s, struct socket_msg *m);
ssize_t unix_seqpacket_send(struct socket *s, struct socket_msg *m);
ssize_t unix_seqpacket_recv(struct socket *s, struct socket_msg *m);
int unix_stream_connect(struct socket *s, const struct socket_addr *a, bool nonblock);
int unix_dgram_connect(struct socket *s, const struct socket_addr *a, bool nonblock);
int unix_pair(struct socket *a, struct socket *b);
int unix_listen(struct socket *s, u32 backlog);
int unix_accept(struct socket *s, bool nonblock, struct socket **out);
int unix_shutdown(struct socket *s, int how);

/* gc.c: descriptors on their way, and sockets that only such descriptors keep alive */
extern struct mutex unix_gc_mutex;
/* The files count as on their way; -ETOOMANYREFS where the user has too many of them, -ENOMEM. */
int __must_check unix_inflight_add(struct scm_files *files);
/* They don't any more: of a message that was not made, or those of msg, which it loses. */
void unix_inflight_remove(struct scm_files *files);
struct scm_files *unix_inflight_detach(struct unix_msg *msg);
void unix_gc(void);		/* look for cycles soon. Any context */
void unix_gc_init(void);
/* Files that nobody will receive: released without recursion, however deep sockets are packed in sockets. */
void unix_discard_files(struct scm_files *files);

#endif
