/* SPDX-License-Identifier: BSD-2-Clause */
/* SOCK_DGRAM and SOCK_SEQPACKET: whole messages. */
#include "net/unix/unix.h"

#include "sys/abi/errno.h"
#include "sys/thread.h"

#define OVERHEAD	32		/* the largest datagram is this much less than the send buffer */

/* --- sending --- */

static bool
receiver_full(const struct unix_socket *u, const struct unix_socket *to)
{
	return to != u && READ_ONCE(to->peer) != u && READ_ONCE(to->queue_len) > READ_ONCE(to->backlog);
}

/* 0: queued, msg is the receiver's; -EAGAIN: it is full; -ESTALE: it was closed; -EPERM, -EPIPE. */
static int
deliver(struct unix_socket *u, struct unix_socket *to, struct unix_msg *msg)
{
	bool files = msg->files != NULL;
	int err = 0;

	unix_msg_lock(to, msg);
	if (to->peer != NULL && to->peer != u)
		err = -EPERM;
	else if (to->dead)
		err = -ESTALE;
	else if (to->shut & UNIX_RCV_SHUT)
		err = -EPIPE;
	else if (receiver_full(u, to))
		err = -EAGAIN;
	else
		unix_msg_append(to, msg);
	unix_msg_unlock(to, files);
	if (err == 0)
		socket_wake(&to->sock, POLLIN | POLLRDNORM);
	return err;
}

/* u's peer is closed: u has none any more. */
static int
lose_peer(struct unix_socket *u, struct unix_socket *peer)
{
	struct unix_socket *had;

	if (!unix_is_dgram(u))
		return -EPIPE;
	had = unix_drop_peer(u, peer);
	if (had != NULL)
		unix_put(had);
	return -ECONNREFUSED;
}

static int
find_receiver(struct unix_socket *u, const struct socket_addr *name, struct unix_socket **to)
{
	if (name->len > 0)
		return unix_find(name, u->sock.type, to);
	*to = unix_peer_get(u);
	return *to != NULL ? 0 : -ENOTCONN;
}

/* Until msg is queued with the receiver, or an error. */
static int
send_msg(struct unix_socket *u, struct socket_msg *m, struct unix_socket *to, struct unix_msg *msg)
{
	nsec_t timeo = READ_ONCE(u->sock.sndtimeo);
	int err;

	for (;;) {
		err = deliver(u, to, msg);
		if (err == -EAGAIN && !(m->flags & MSG_DONTWAIT)) {
			err = socket_wait(&to->sock, !receiver_full(u, to) || READ_ONCE(to->dead) || (READ_ONCE(to->shut) & UNIX_RCV_SHUT),
				timeo, false);
			if (err == 0)
				continue;
		}
		if (err != -ESTALE)
			break;
		if (m->name.len == 0) {
			err = lose_peer(u, to);
			break;
		}
		unix_put(to);		/* closed since it was found: who has the name now? */
		err = unix_find(&m->name, u->sock.type, &to);
		if (err != 0)
			return err;
	}
	unix_put(to);
	return err;
}

ssize_t
unix_dgram_send(struct socket *s, struct socket_msg *m)
{
	struct unix_socket *u = unix_of(s), *to;
	size_t n = iobuf_left(m->buf);
	struct scm_files *files;
	struct scm_creds creds;
	struct unix_msg *msg;
	int err;

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	err = unix_collect(u, m, &files, &creds);
	if (err != 0)
		return err;
	if (m->name.len == 0 && READ_ONCE(u->peer) == NULL)
		err = -ENOTCONN;
	else if (socket_option(s, SO_PASSCRED) && u->addr == NULL)
		err = unix_autobind(u);
	if (err == 0 && n > READ_ONCE(s->sndbuf) - OVERHEAD)
		err = -EMSGSIZE;
	if (err == 0)
		err = unix_msg_make(u, m, (u32)n, &files, &creds, &msg);
	if (err != 0)
		goto out;
	err = find_receiver(u, &m->name, &to);
	if (err == 0)
		err = send_msg(u, m, to, msg);
	if (err != 0)
		unix_msg_free(msg);
out:
	if (files != NULL) {
		unix_inflight_remove(files);
		unix_discard_files(files);
	}
	scm_creds_put(&creds);
	return err != 0 ? err : (ssize_t)n;
}

ssize_t
unix_seqpacket_send(struct socket *s, struct socket_msg *m)
{
	int err = socket_take_error(s);

	if (err != 0)
		return err;
	if (READ_ONCE(unix_of(s)->state) != UNIX_CONNECTED)
		return -ENOTCONN;
	m->name.len = 0;
	return unix_dgram_send(s, m);
}

/* --- receiving --- */

/* The first message; to peek at an offset, the one in which that is. */
static struct unix_msg *
head(struct unix_socket *u, u32 *skip)
{
	struct unix_msg *m, *found = NULL;

	spin_lock(&u->lock);
	list_for_each(m, &u->queue, node) {
		if (*skip < m->len || (*skip == 0 && m->len == 0)) {
			found = m;
			break;
		}
		*skip -= m->len;
	}
	spin_unlock(&u->lock);
	return found;
}

static bool
is_ready(struct unix_socket *u, u32 at)
{
	return head(u, &at) != NULL || (READ_ONCE(u->shut) & UNIX_RCV_SHUT) || atomic_load_relaxed(&u->sock.error) != 0;
}

/* With read_lock held at the end if there is one. NULL with *err 0: the other end has shut down. */
static struct unix_msg *
wait_for_message(struct unix_socket *u, u32 flags, u32 *skip, int *err)
{
	nsec_t timeo = READ_ONCE(u->sock.rcvtimeo);
	u32 at = *skip;

	for (;;) {
		struct unix_msg *msg;
		bool shut;

		*err = socket_take_error(&u->sock);
		if (*err != 0)
			return NULL;
		shut = READ_ONCE(u->shut) & UNIX_RCV_SHUT;
		mutex_lock(&u->read_lock);
		*skip = at;
		msg = head(u, skip);
		if (msg != NULL)
			return msg;
		mutex_unlock(&u->read_lock);
		if (shut) {
			*err = unix_is_dgram(u) && (flags & MSG_DONTWAIT) ? -EAGAIN : 0;
			return NULL;
		}
		*err = socket_wait(&u->sock, is_ready(u, at), timeo, flags & MSG_DONTWAIT);
		if (*err != 0)
			return NULL;
	}
}

ssize_t
unix_dgram_recv(struct socket *s, struct socket_msg *m)
{
	struct unix_socket *u = unix_of(s);
	int peek_off = READ_ONCE(s->peek_off), err;
	bool peek = m->flags & MSG_PEEK;
	struct unix_extras extras = { 0 };
	u32 skip = peek && peek_off > 0 ? (u32)peek_off : 0;
	struct unix_msg *msg;
	size_t n, whole;

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	msg = wait_for_message(u, m->flags, &skip, &err);
	if (msg == NULL)
		return err;
	whole = msg->len - skip;
	n = MIN(whole, iobuf_left(m->buf));
	if (n < whole)
		m->out_flags |= MSG_TRUNC;
	unix_get_name(msg->from, &m->name);
	if (iobuf_copy_out(m->buf, msg->data + skip, n) < n)
		err = -EFAULT;
	if (err == 0)
		err = unix_extras_take(msg, peek, &extras);
	if (!peek)
		unix_msg_take(u, msg);
	if (peek_off >= 0)
		WRITE_ONCE(s->peek_off, peek ? peek_off + (int)n : MAX(peek_off - (int)msg->len, 0));
	mutex_unlock(&u->read_lock);
	if (!peek)
		unix_msg_free(msg);
	if (err != 0) {
		scm_files_free(extras.files);
		if (extras.has_creds)
			scm_creds_put(&extras.creds);
		return err;
	}
	unix_extras_deliver(u, m, &extras);
	return (ssize_t)(m->flags & MSG_TRUNC ? whole : n);
}

ssize_t
unix_seqpacket_recv(struct socket *s, struct socket_msg *m)
{
	if (READ_ONCE(unix_of(s)->state) != UNIX_CONNECTED)
		return -ENOTCONN;
	return unix_dgram_recv(s, m);
}
