/* SPDX-License-Identifier: BSD-2-Clause */
/* SOCK_STREAM: bytes, in pieces of some KiB. A read goes over the pieces' borders, but not over descriptors or another sender's. */
#include "net/unix/unix.h"

#include "sys/abi/errno.h"
#include "sys/cred.h"
#include "sys/signal.h"
#include "sys/thread.h"

#define PIECE_MAX	(32 * KIB - sizeof(struct unix_msg))

/* --- sending --- */

static int
hand_over(struct unix_socket *peer, struct unix_msg *msg)
{
	bool files = msg->files != NULL, gone;

	unix_msg_lock(peer, msg);
	gone = peer->dead || (peer->shut & UNIX_RCV_SHUT);
	if (!gone)
		unix_msg_append(peer, msg);
	unix_msg_unlock(peer, files);
	if (gone) {
		unix_msg_free(msg);
		return -EPIPE;
	}
	socket_wake(&peer->sock, POLLIN | POLLRDNORM);
	return 0;
}

ssize_t
unix_stream_send(struct socket *s, struct socket_msg *m)
{
	struct unix_socket *u = unix_of(s), *peer;
	struct scm_files *files;
	struct scm_creds creds;
	ssize_t done = 0;
	int err = 0;

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (m->name.len > 0)
		return READ_ONCE(u->state) == UNIX_CONNECTED ? -EISCONN : -EOPNOTSUPP;
	peer = unix_peer_get(u);
	if (peer == NULL)
		return -ENOTCONN;
	err = unix_collect(u, m, &files, &creds);
	if (err != 0)
		goto out_peer;
	if (READ_ONCE(u->shut) & UNIX_SEND_SHUT)
		err = -EPIPE;
	while (err == 0 && iobuf_left(m->buf) > 0) {
		u32 n = (u32)MIN(MIN(iobuf_left(m->buf), (size_t)PIECE_MAX), (size_t)READ_ONCE(s->sndbuf) / 2);
		struct unix_msg *msg;

		err = unix_msg_make(u, m, n, &files, &creds, &msg);
		if (err == 0)
			err = hand_over(peer, msg);
		if (err == 0)
			done += n;
	}
	if (files != NULL) {
		unix_inflight_remove(files);
		unix_discard_files(files);
	}
	scm_creds_put(&creds);
out_peer:
	unix_put(peer);
	if (err == -EPIPE && done == 0 && !(m->flags & MSG_NOSIGNAL))
		signal_send_thread(thread_current(), SIGPIPE, NULL);
	return done > 0 ? done : err;
}

/* --- receiving --- */

/* The message with byte `at` of what is queued, and which of its unread ones that is. NULL: not there yet. */
static struct unix_msg *
find_byte(struct unix_socket *u, size_t at, u32 *within)
{
	struct unix_msg *m, *found = NULL;

	spin_lock(&u->lock);
	list_for_each(m, &u->queue, node) {
		if (at < m->len - m->off) {
			*within = (u32)at;
			found = m;
			break;
		}
		at -= m->len - m->off;
	}
	spin_unlock(&u->lock);
	return found;
}

static bool
same_sender(const struct scm_creds *a, const struct scm_creds *b)
{
	return a->pid == b->pid && uid_eq(a->uid, b->uid) && gid_eq(a->gid, b->gid);
}

struct receive {
	struct unix_socket *u;
	struct socket_msg *m;
	bool peek;
	size_t at;			/* peek: where to look next, from the queue's head */
	size_t done, target;
	struct unix_extras extras;
};

/* Take or copy from msg, from byte `within` on. 1: go on with the next one; 0: the call is over; -errno. */
static int
receive_piece(struct receive *r, struct unix_msg *msg, u32 within)
{
	size_t n = MIN((size_t)(msg->len - msg->off - within), iobuf_left(r->m->buf));
	bool files = msg->files != NULL, whole;
	int err = 0;

	if (r->extras.has_creds && socket_option(&r->u->sock, SO_PASSCRED) && !same_sender(&r->extras.creds, &msg->creds))
		return 0;
	if (r->m->name.len == 0)
		unix_get_name(msg->from, &r->m->name);
	if (iobuf_copy_out(r->m->buf, msg->data + msg->off + within, n) < n)
		return -EFAULT;
	r->done += n;
	if (!r->extras.has_creds || files) {
		if (r->extras.has_creds)
			scm_creds_put(&r->extras.creds);
		err = unix_extras_take(msg, r->peek, &r->extras);
	}
	if (r->peek) {
		r->at += n;
		return err != 0 ? err : !files;
	}
	spin_lock(&r->u->lock);
	msg->off += (u32)n;
	r->u->queued -= n;
	whole = msg->off == msg->len;
	spin_unlock(&r->u->lock);
	if (whole) {
		unix_msg_take(r->u, msg);
		unix_msg_free(msg);
	}
	return err != 0 ? err : whole && !files;
}

/* Nothing (more) is queued: 1: look again; 0: the end of the stream; -errno. read_lock is let go meanwhile. */
static int
wait_for_data(struct receive *r, nsec_t timeo)
{
	struct unix_socket *u = r->u;
	size_t have = r->peek ? r->at : 0;
	int err = socket_take_error(&u->sock);

	if (err != 0)
		return err;
	if (READ_ONCE(u->shut) & UNIX_RCV_SHUT)
		return READ_ONCE(u->queued) > have;
	if (r->m->flags & MSG_DONTWAIT)
		return READ_ONCE(u->queued) > have ? 1 : -EAGAIN;
	mutex_unlock(&u->read_lock);
	err = socket_wait(&u->sock, READ_ONCE(u->queued) > have || (READ_ONCE(u->shut) & UNIX_RCV_SHUT) ||
		atomic_load_relaxed(&u->sock.error) != 0, timeo, false);
	mutex_lock(&u->read_lock);
	return err != 0 ? err : 1;
}

ssize_t
unix_stream_recv(struct socket *s, struct socket_msg *m)
{
	struct receive r = { .u = unix_of(s), .m = m, .peek = m->flags & MSG_PEEK };
	int peek_off = READ_ONCE(s->peek_off), go_on = 1;
	nsec_t timeo = READ_ONCE(s->rcvtimeo);

	if (READ_ONCE(r.u->state) != UNIX_CONNECTED)
		return -EINVAL;
	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	r.target = MAX(m->flags & MSG_WAITALL ? iobuf_left(m->buf) : MIN(iobuf_left(m->buf), (size_t)READ_ONCE(s->rcvlowat)), (size_t)1);
	r.at = r.peek && peek_off > 0 ? (size_t)peek_off : 0;
	mutex_lock(&r.u->read_lock);
	do {
		u32 within = 0;
		struct unix_msg *msg = find_byte(r.u, r.peek ? r.at : 0, &within);

		if (msg != NULL)
			go_on = receive_piece(&r, msg, within);
		else if (r.done >= r.target)
			break;
		else
			go_on = wait_for_data(&r, timeo);
	} while (go_on > 0 && iobuf_left(m->buf) > 0);
	if (peek_off >= 0)
		WRITE_ONCE(s->peek_off, r.peek ? (int)r.at : MAX(peek_off - (int)r.done, 0));
	mutex_unlock(&r.u->read_lock);
	unix_extras_deliver(r.u, m, &r.extras);
	return r.done > 0 ? (ssize_t)r.done : go_on < 0 ? go_on : 0;
}
