/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of Unix sockets: creation, peers, closing, readiness; the family's tables of operations. */
#include "net/unix/unix.h"

#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/cred.h"
#include "sys/panic.h"
#include "sys/pid.h"

int unix_max_dgram_qlen = 10;
struct spinlock unix_table_lock = SPINLOCK_INIT(LOCK_SOCKET_TABLE);

static struct list all = LIST_INIT(all);	/* [T] */
static u64 count;				/* [a] */
static struct kmem_cache *cache;		/* [I] */

static const struct socket_ops stream_ops, dgram_ops, seqpacket_ops;

/* --- references --- */

int
unix_create(int type, struct unix_socket **out)
{
	const struct socket_ops *ops = type == SOCK_STREAM ? &stream_ops : type == SOCK_DGRAM ? &dgram_ops : &seqpacket_ops;
	struct unix_socket *u;

	if (atomic_add(&count, 1UL) > 2 * file_max) {
		atomic_sub(&count, 1UL);
		return -ENFILE;
	}
	u = kmem_cache_alloc(cache, KM_USER | KM_ZERO);
	if (u == NULL) {
		atomic_sub(&count, 1UL);
		return -ENOMEM;
	}
	socket_init(&u->sock, ops, AF_UNIX, type, 0);
	refcount_init(&u->refs, 1);
	spin_init(&u->lock, LOCK_SOCKET);
	list_init(&u->peers);
	list_init(&u->queue);
	list_init(&u->pending);
	mutex_init(&u->read_lock, LOCK_SOCKET_READ);
	mutex_init(&u->bind_lock, LOCK_SOCKET_BIND);
	u->backlog = (u32)READ_ONCE(unix_max_dgram_qlen);
	spin_lock(&unix_table_lock);
	list_add_tail(&all, &u->all_node);
	spin_unlock(&unix_table_lock);
	*out = u;
	return 0;
}

void
unix_get(struct unix_socket *u)
{
	refcount_get(&u->refs);
}

void
unix_put(struct unix_socket *u)
{
	if (!refcount_put(&u->refs))
		return;
	KASSERT(list_empty(&u->queue) && list_empty(&u->pending) && list_empty(&u->peers) && u->inflight == 0 && u->peer == NULL);
	if (u->addr != NULL)
		unix_addr_put(u->addr);
	pid_put(u->peer_pid);
	if (u->peer_cred != NULL)
		cred_put(u->peer_cred);
	kmem_cache_free(cache, u);
	atomic_sub(&count, 1UL);
}

void
unix_for_each(void (*fn)(struct unix_socket *u, void *arg), void *arg)
{
	struct unix_socket *u;

	spin_lock(&unix_table_lock);
	list_for_each(u, &all, all_node)
		fn(u, arg);
	spin_unlock(&unix_table_lock);
}

/* --- peers --- */

void
unix_lock_two(struct unix_socket *a, struct unix_socket *b)
{
	spin_lock(a < b ? &a->lock : &b->lock);
	if (a != b)
		spin_lock_nested(a < b ? &b->lock : &a->lock);
}

void
unix_unlock_two(struct unix_socket *a, struct unix_socket *b)
{
	spin_unlock(a < b ? &b->lock : &a->lock);
	if (a != b)
		spin_unlock(a < b ? &a->lock : &b->lock);
}

struct unix_socket *
unix_peer_get(struct unix_socket *u)
{
	struct unix_socket *peer;

	spin_lock(&u->lock);
	peer = u->peer;
	if (peer != NULL)
		unix_get(peer);
	spin_unlock(&u->lock);
	return peer;
}

void
unix_set_peer(struct unix_socket *u, struct unix_socket *peer)
{
	u->peer = peer;
	if (unix_is_dgram(u))
		list_add_tail(&peer->peers, &u->peers_node);
}

struct unix_socket *
unix_drop_peer(struct unix_socket *u, struct unix_socket *peer)
{
	for (;;) {
		struct unix_socket *had = unix_peer_get(u);
		bool same;

		if (had == NULL || (peer != NULL && had != peer)) {
			if (had != NULL)
				unix_put(had);
			return NULL;
		}
		unix_lock_two(u, had);
		same = u->peer == had;
		if (same) {
			u->peer = NULL;
			if (unix_is_dgram(u))
				list_del(&u->peers_node);
		}
		unix_unlock_two(u, had);
		unix_put(had);		/* the one of unix_peer_get */
		if (same)
			return had;
	}
}

void
unix_set_peer_cred(struct unix_socket *u, struct pid *pid, const struct cred *cred)
{
	struct pid *old_pid = u->peer_pid;
	const struct cred *old_cred = u->peer_cred;

	pid_get(pid);
	u->peer_pid = pid;
	u->peer_cred = cred_get(cred);
	pid_put(old_pid);
	if (old_cred != NULL)
		cred_put(old_cred);
}

static void
peer_cred(struct socket *s, struct pid **pid, const struct cred **cred)
{
	struct unix_socket *u = unix_of(s);

	spin_lock(&u->lock);
	pid_get(u->peer_pid);
	*pid = u->peer_pid;
	*cred = u->peer_cred != NULL ? cred_get(u->peer_cred) : NULL;
	spin_unlock(&u->lock);
}

/* --- closing --- */

/* The connection is over for the other end too; unread: what it sent was not read. */
static void
hang_up_peer(struct unix_socket *peer, bool unread)
{
	spin_lock(&peer->lock);
	peer->shut = UNIX_BOTH_SHUT;
	if (unread)
		socket_set_error(&peer->sock, -ECONNRESET);
	spin_unlock(&peer->lock);
	socket_wake(&peer->sock, POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLHUP | POLLRDHUP | (unread ? POLLERR : 0));
}

void
unix_wake_peers(struct unix_socket *u)
{
	struct unix_socket *p;

	spin_lock(&u->lock);
	list_for_each(p, &u->peers, peers_node)
		socket_wake(&p->sock, POLLOUT | POLLWRNORM | POLLERR);
	spin_unlock(&u->lock);
}

/* Connections that nobody accepted. */
static void
close_pending(struct unix_socket *u)
{
	struct unix_socket *p;

	for (;;) {
		spin_lock(&u->lock);
		p = list_first(&u->pending, struct unix_socket, pending_node);
		if (p != NULL) {
			list_del(&p->pending_node);
			u->queue_len--;
		}
		spin_unlock(&u->lock);
		if (p == NULL)
			break;
		unix_close(p, true);
	}
}

void
unix_close(struct unix_socket *u, bool unaccepted)
{
	struct unix_msg *m, *tmp;
	struct unix_socket *peer;
	struct list queue;
	bool unread;

	unix_unhash(u);
	spin_lock(&unix_table_lock);
	list_del(&u->all_node);
	spin_unlock(&unix_table_lock);

	list_init(&queue);
	mutex_lock(&unix_gc_mutex);
	spin_lock(&u->lock);
	u->dead = true;
	u->shut = UNIX_BOTH_SHUT;
	u->state = UNIX_CLOSED;
	unread = !list_empty(&u->queue);
	list_splice_tail(&u->queue, &queue);
	u->queue_len = 0;
	u->queued = 0;
	spin_unlock(&u->lock);
	mutex_unlock(&unix_gc_mutex);
	socket_wake(&u->sock, POLLOUT | POLLHUP);	/* who waits to connect */

	peer = unix_drop_peer(u, NULL);
	if (peer != NULL) {
		if (!unix_is_dgram(u))
			hang_up_peer(peer, unread || unaccepted);
		unix_put(peer);
	}
	unix_wake_peers(u);
	close_pending(u);
	list_for_each_safe(m, tmp, &queue, node) {
		list_del(&m->node);
		unix_msg_free(m);
	}
	unix_gc();
	unix_put(u);
}

static void
unix_release(struct socket *s)
{
	unix_close(unix_of(s), false);
}

/* --- readiness --- */

bool
unix_writable(const struct unix_socket *u)
{
	return READ_ONCE(u->state) != UNIX_LISTENING && (u64)atomic_load_relaxed(&u->charged) * 4 <= READ_ONCE(u->sock.sndbuf);
}

/* A datagram socket that is connected to a receiver with a full queue cannot send. */
static bool
peer_is_full(struct unix_socket *u)
{
	struct unix_socket *peer = unix_peer_get(u);
	bool full = false;

	if (peer != NULL) {
		full = peer != u && READ_ONCE(peer->peer) != u && READ_ONCE(peer->queue_len) > READ_ONCE(peer->backlog);
		unix_put(peer);
	}
	return full;
}

static u32
unix_poll(struct socket *s, struct file *f, struct poll_table *pt)
{
	struct unix_socket *u = unix_of(s);
	u32 ready = 0, shut;

	poll_wait(pt, f, &s->wq);
	shut = READ_ONCE(u->shut);
	if (atomic_load_relaxed(&s->error) != 0)
		ready |= POLLERR;
	if (shut == UNIX_BOTH_SHUT)
		ready |= POLLHUP;
	if (shut & UNIX_RCV_SHUT)
		ready |= POLLRDHUP | POLLIN | POLLRDNORM;
	if (READ_ONCE(u->queue_len) > 0)
		ready |= POLLIN | POLLRDNORM;
	if (!unix_is_dgram(u) && READ_ONCE(u->state) == UNIX_CLOSED)
		ready |= POLLHUP;
	if (unix_writable(u) && (s->type == SOCK_STREAM || !peer_is_full(u)))
		ready |= POLLOUT | POLLWRNORM | POLLWRBAND;
	return ready;
}

/* --- the rest of the operations --- */

static long
unix_ioctl(struct socket *s, unsigned int cmd, u64 arg)
{
	struct unix_socket *u = unix_of(s);
	struct unix_msg *m;
	u32 n;

	switch (cmd) {
	case SIOCINQ:
		if (READ_ONCE(u->state) == UNIX_LISTENING)
			return -EINVAL;
		spin_lock(&u->lock);
		m = list_first(&u->queue, struct unix_msg, node);
		n = s->type != SOCK_DGRAM ? (u32)u->queued : m != NULL ? m->len : 0;
		spin_unlock(&u->lock);
		return put_user_u32(n, (u32 __user *)arg);
	case SIOCOUTQ:
		return put_user_u32(atomic_load_relaxed(&u->charged), (u32 __user *)arg);
	default:
		return -ENOTTY;
	}
}

static void
set_bound(struct socket *s, int name)
{
	if (name == SO_SNDBUF)
		socket_wake(s, POLLOUT | POLLWRNORM);
}

#define COMMON \
	.bind = unix_bind, .pair = unix_pair, .getname = unix_getname, .shutdown = unix_shutdown, .poll = unix_poll, \
	.ioctl = unix_ioctl, .set_bound = set_bound, .peer_cred = peer_cred, .release = unix_release

static const struct socket_ops stream_ops = {
	COMMON,
	.connect = unix_stream_connect,
	.listen = unix_listen,
	.accept = unix_accept,
	.sendmsg = unix_stream_send,
	.recvmsg = unix_stream_recv,
};

static const struct socket_ops dgram_ops = {
	COMMON,
	.connect = unix_dgram_connect,
	.sendmsg = unix_dgram_send,
	.recvmsg = unix_dgram_recv,
};

static const struct socket_ops seqpacket_ops = {
	COMMON,
	.connect = unix_stream_connect,
	.listen = unix_listen,
	.accept = unix_accept,
	.sendmsg = unix_seqpacket_send,
	.recvmsg = unix_seqpacket_recv,
};

/* socket(2). SOCK_RAW is taken for a datagram socket, as Linux does. */
static int
family_create(int type, int protocol, struct socket **out)
{
	struct unix_socket *u;
	int err;

	if (protocol != 0 && protocol != AF_UNIX)
		return -EPROTONOSUPPORT;
	if (type == SOCK_RAW)
		type = SOCK_DGRAM;
	if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_SEQPACKET)
		return -ESOCKTNOSUPPORT;
	err = unix_create(type, &u);
	if (err == 0)
		*out = &u->sock;
	return err;
}

static const struct socket_family unix_family = { .family = AF_UNIX, .create = family_create };

void
unix_init(void)
{
	cache = kmem_cache_create("unix", sizeof(struct unix_socket), 0, 0, NULL);
	if (cache == NULL)
		panic("net: no memory for sockets");
	unix_gc_init();
	socket_register(&unix_family);
}
