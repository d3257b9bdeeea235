/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections of Unix sockets: pairs, listen, connect, accept, shutdown. */
#include "net/unix/unix.h"

#include "sys/abi/errno.h"
#include "sys/cred.h"
#include "sys/pid.h"
#include "sys/signal.h"

#define BOTH_WAYS	(POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM)

static void
set_own_cred(struct unix_socket *u)
{
	unix_set_peer_cred(u, process_tgid_current(), cred_current());
}

int
unix_pair(struct socket *sa, struct socket *sb)
{
	struct unix_socket *a = unix_of(sa), *b = unix_of(sb);

	unix_lock_two(a, b);
	unix_get(a);
	unix_get(b);
	unix_set_peer(a, b);
	unix_set_peer(b, a);
	a->state = b->state = UNIX_CONNECTED;
	set_own_cred(a);
	set_own_cred(b);
	unix_unlock_two(a, b);
	return 0;
}

/* --- streams and sequenced packets --- */

int
unix_listen(struct socket *s, u32 backlog)
{
	struct unix_socket *u = unix_of(s);
	bool more = false;
	int err = -EINVAL;

	if (atomic_load_acquire(&u->addr) == NULL)
		return -EINVAL;
	spin_lock(&u->lock);
	if (u->state == UNIX_CLOSED || u->state == UNIX_LISTENING) {
		more = backlog > u->backlog;
		u->backlog = backlog;
		u->state = UNIX_LISTENING;
		WRITE_ONCE(s->accepting, true);
		set_own_cred(u);
		err = 0;
	}
	spin_unlock(&u->lock);
	if (more)
		socket_wake(s, POLLOUT);	/* those who wait to connect */
	return err;
}

static bool
listener_full(const struct unix_socket *l)
{
	return READ_ONCE(l->queue_len) > READ_ONCE(l->backlog);
}

/* Join u and l by `embryo`, the new end on l's side: 0; -EAGAIN: l is full; -ESTALE: l was closed meanwhile. */
static int
join(struct unix_socket *u, struct unix_socket *l, struct unix_socket *embryo)
{
	int err = 0;

	unix_lock_two(u, l);
	if (l->dead)
		err = -ESTALE;
	else if (l->state != UNIX_LISTENING || (l->shut & UNIX_RCV_SHUT))
		err = -ECONNREFUSED;
	else if (listener_full(l))
		err = -EAGAIN;
	else if (u->state != UNIX_CLOSED)
		err = u->state == UNIX_CONNECTED ? -EISCONN : -EINVAL;
	if (err != 0)
		goto out;
	/* Nobody else knows the embryo yet: its fields need no lock. */
	embryo->state = UNIX_CONNECTED;
	embryo->addr = l->addr;
	refcount_get(&l->addr->refs);
	set_own_cred(embryo);
	unix_get(u);
	embryo->peer = u;
	unix_get(embryo);
	u->peer = embryo;
	u->state = UNIX_CONNECTED;
	unix_set_peer_cred(u, l->peer_pid, l->peer_cred);
	list_add_tail(&l->pending, &embryo->pending_node);
	l->queue_len++;
out:
	unix_unlock_two(u, l);
	return err;
}

int
unix_stream_connect(struct socket *s, const struct socket_addr *a, bool nonblock)
{
	struct unix_socket *u = unix_of(s), *l, *embryo;
	nsec_t timeo = READ_ONCE(s->sndtimeo);
	int err;

	if (socket_option(s, SO_PASSCRED) && u->addr == NULL) {
		err = unix_autobind(u);
		if (err != 0)
			return err;
	}
	err = unix_create(s->type, &embryo);
	if (err != 0)
		return err;
	for (;;) {
		err = unix_find(a, s->type, &l);
		if (err != 0)
			break;
		err = join(u, l, embryo);
		if (err == -EAGAIN && !nonblock) {
			err = socket_wait(&l->sock, !listener_full(l) || (READ_ONCE(l->shut) & UNIX_RCV_SHUT), timeo, false);
			if (err == 0)
				err = -ESTALE;
		}
		if (err == 0)
			socket_wake(&l->sock, POLLIN | POLLRDNORM);
		unix_put(l);
		if (err != -ESTALE)
			break;
	}
	if (err != 0)
		unix_close(embryo, false);
	return err;
}

static struct unix_socket *
take_pending(struct unix_socket *l, bool *was_full)
{
	struct unix_socket *p;

	spin_lock(&l->lock);
	*was_full = listener_full(l);
	p = list_first(&l->pending, struct unix_socket, pending_node);
	if (p != NULL) {
		list_del(&p->pending_node);
		l->queue_len--;
	}
	spin_unlock(&l->lock);
	return p;
}

int
unix_accept(struct socket *s, bool nonblock, struct socket **out)
{
	struct unix_socket *l = unix_of(s), *p = NULL;
	nsec_t timeo = READ_ONCE(s->rcvtimeo);
	bool was_full = false;
	int err;

	if (READ_ONCE(l->state) != UNIX_LISTENING)
		return -EINVAL;
	err = socket_wait(s, (p = take_pending(l, &was_full)) != NULL || (READ_ONCE(l->shut) & UNIX_RCV_SHUT), timeo, nonblock);
	if (p == NULL)
		return err != 0 && !(READ_ONCE(l->shut) & UNIX_RCV_SHUT) ? err : -EINVAL;
	if (was_full)
		socket_wake(s, POLLOUT);
	*out = &p->sock;
	return 0;
}

int
unix_shutdown(struct socket *s, int how)
{
	struct unix_socket *u = unix_of(s), *peer;
	u32 mask = (u32)how + 1, other = 0;

	if (how < SHUT_RD_K || how > SHUT_RDWR_K)
		return -EINVAL;
	spin_lock(&u->lock);
	u->shut |= mask;
	spin_unlock(&u->lock);
	peer = unix_is_dgram(u) ? NULL : unix_peer_get(u);
	if (peer != NULL) {
		other = (mask & UNIX_RCV_SHUT ? UNIX_SEND_SHUT : 0) | (mask & UNIX_SEND_SHUT ? UNIX_RCV_SHUT : 0);
		spin_lock(&peer->lock);
		peer->shut |= other;
		other = peer->shut;
		spin_unlock(&peer->lock);
		socket_wake(&peer->sock, BOTH_WAYS | POLLRDHUP | (other == UNIX_BOTH_SHUT ? POLLHUP : 0));
		unix_put(peer);
	}
	socket_wake(s, BOTH_WAYS | POLLRDHUP | (mask == UNIX_BOTH_SHUT ? POLLHUP : 0));
	return 0;
}

/* --- datagrams --- */

/* u is not connected to `old` any more: what came from there is gone, and `old` is told if it was connected to u. */
static void
disconnected(struct unix_socket *u, struct unix_socket *old)
{
	struct list lost = LIST_INIT(lost);
	struct unix_msg *m, *tmp;
	bool tell;

	mutex_lock(&u->read_lock);
	mutex_lock(&unix_gc_mutex);
	spin_lock(&u->lock);
	list_splice_tail(&u->queue, &lost);
	u->queue_len = 0;
	u->queued = 0;
	spin_unlock(&u->lock);
	mutex_unlock(&unix_gc_mutex);
	mutex_unlock(&u->read_lock);
	if (list_empty(&lost))
		return;
	socket_wake(&u->sock, POLLOUT);
	unix_wake_peers(u);
	list_for_each_safe(m, tmp, &lost, node) {
		list_del(&m->node);
		unix_msg_free(m);
	}
	spin_lock(&old->lock);
	tell = !old->dead && old->peer == u;
	spin_unlock(&old->lock);
	if (tell) {
		socket_set_error(&old->sock, -ECONNRESET);
		socket_wake(&old->sock, POLLERR);
	}
}

int
unix_dgram_connect(struct socket *s, const struct socket_addr *a, bool nonblock)
{
	struct unix_socket *u = unix_of(s), *peer = NULL, *old;
	int err;

	(void)nonblock;
	if (a->len < sizeof(a->family))
		return -EINVAL;
	if (a->family != AF_UNSPEC) {
		if (socket_option(s, SO_PASSCRED) && u->addr == NULL) {
			err = unix_autobind(u);
			if (err != 0)
				return err;
		}
		err = unix_find(a, s->type, &peer);
		if (err != 0)
			return err;
	}
	for (;;) {
		old = unix_drop_peer(u, NULL);
		if (old != NULL && old != peer)
			disconnected(u, old);
		if (old != NULL)
			unix_put(old);
		if (peer == NULL)
			return 0;
		unix_lock_two(u, peer);
		if (u->peer == NULL)
			break;
		unix_unlock_two(u, peer);	/* another thread connected it */
	}
	err = 0;
	if (peer->peer != NULL && peer->peer != u)
		err = -EPERM;
	else if (peer->dead)
		err = -ECONNREFUSED;
	else
		unix_set_peer(u, peer);
	unix_unlock_two(u, peer);
	if (err != 0)
		unix_put(peer);
	return err;
}
