/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages between Unix sockets: made at the sender's cost, queued at the receiver, paid back when they are read. */
#include "net/unix/unix.h"

#include "sys/abi/errno.h"
#include "sys/cred.h"
#include "sys/lib/string.h"
#include "sys/pid.h"

#define VMEM_FROM	(64 * KIB)	/* larger ones need not be physically contiguous */
#define OVERFLOW_ID	65534		/* who did not say who it is */

/* --- making --- */

int
unix_collect(struct unix_socket *u, const struct socket_msg *m, struct scm_files **files, struct scm_creds *creds)
{
	struct unix_socket *peer = unix_peer_get(u);
	int err;

	*creds = (struct scm_creds){ NULL, { OVERFLOW_ID }, { OVERFLOW_ID } };
	if (socket_option(&u->sock, SO_PASSCRED) || (peer != NULL && (socket_option(&peer->sock, SO_PASSCRED) || peer->sock.file == NULL)))
		scm_creds_current(creds);
	if (peer != NULL)
		unix_put(peer);
	err = scm_collect(m, files, creds);
	if (err == 0 && *files != NULL) {
		err = unix_inflight_add(*files);
		if (err != 0) {
			scm_files_free(*files);
			scm_creds_put(creds);
		}
	}
	return err;
}

/* Until what u sent and nobody read yet is less than its buffer. */
static int
wait_for_room(struct unix_socket *u, bool nonblock)
{
	nsec_t timeo = READ_ONCE(u->sock.sndtimeo);
	int err;

	err = socket_wait(&u->sock, (READ_ONCE(u->shut) & UNIX_SEND_SHUT) || atomic_load_relaxed(&u->sock.error) != 0 ||
		atomic_load_relaxed(&u->charged) < READ_ONCE(u->sock.sndbuf), timeo, nonblock);
	if (err != 0)
		return err;
	err = socket_take_error(&u->sock);
	if (err != 0)
		return err;
	return READ_ONCE(u->shut) & UNIX_SEND_SHUT ? -EPIPE : 0;
}

int
unix_msg_make(struct unix_socket *u, struct socket_msg *m, u32 n, struct scm_files **files, struct scm_creds *creds, struct unix_msg **out)
{
	size_t size = sizeof(struct unix_msg) + n;
	struct unix_msg *msg;
	int err = wait_for_room(u, m->flags & MSG_DONTWAIT);

	if (err != 0)
		return err;
	msg = size >= VMEM_FROM ? kmem_valloc(size, KM_USER) : kmem_alloc(size, KM_USER);
	if (msg == NULL)
		return -ENOBUFS;
	*msg = (struct unix_msg){ .from = u, .len = n, .vmem = size >= VMEM_FROM };
	if (iobuf_copy_in(m->buf, msg->data, n) < n) {
		if (msg->vmem)
			kmem_vfree(msg);
		else
			kmem_free(msg);
		return -EFAULT;
	}
	msg->charge = (u32)(msg->vmem ? ALIGN_UP(size, PAGE_SIZE) : kmem_size(msg));
	unix_get(u);
	atomic_add(&u->charged, msg->charge);
	msg->files = *files;
	*files = NULL;
	msg->creds = *creds;
	pid_get(msg->creds.pid);
	*out = msg;
	return 0;
}

/* --- queueing --- */

void
unix_msg_lock(struct unix_socket *to, const struct unix_msg *msg)
{
	if (msg->files != NULL)
		mutex_lock(&unix_gc_mutex);
	spin_lock(&to->lock);
}

void
unix_msg_unlock(struct unix_socket *to, bool files)
{
	spin_unlock(&to->lock);
	if (files)
		mutex_unlock(&unix_gc_mutex);
}

void
unix_msg_append(struct unix_socket *to, struct unix_msg *msg)
{
	list_add_tail(&to->queue, &msg->node);
	to->queue_len++;
	to->queued += msg->len;
}

void
unix_msg_take(struct unix_socket *u, struct unix_msg *msg)
{
	bool was_full;

	spin_lock(&u->lock);
	was_full = u->queue_len > u->backlog;
	list_del(&msg->node);
	u->queue_len--;
	u->queued -= msg->len - msg->off;
	spin_unlock(&u->lock);
	if (was_full && u->sock.type != SOCK_STREAM) {
		socket_wake(&u->sock, POLLOUT);		/* senders that sleep here */
		unix_wake_peers(u);
	}
}

void
unix_msg_free(struct unix_msg *msg)
{
	struct unix_socket *from = msg->from;

	if (msg->files != NULL)
		unix_discard_files(unix_inflight_detach(msg));
	scm_creds_put(&msg->creds);
	atomic_sub(&from->charged, msg->charge);
	if (!READ_ONCE(from->dead) && unix_writable(from))
		socket_wake(&from->sock, POLLOUT | POLLWRNORM | POLLWRBAND);
	unix_put(from);
	if (msg->vmem)
		kmem_vfree(msg);
	else
		kmem_free(msg);
}

/* --- handing on --- */

int
unix_extras_take(struct unix_msg *msg, bool peek, struct unix_extras *x)
{
	x->creds = msg->creds;
	pid_get(x->creds.pid);
	x->has_creds = true;
	if (msg->files == NULL)
		return 0;
	if (!peek) {
		x->files = unix_inflight_detach(msg);
		return 0;
	}
	mutex_lock(&unix_gc_mutex);
	x->files = scm_files_copy(msg->files);
	mutex_unlock(&unix_gc_mutex);
	return x->files != NULL ? 0 : -ENOMEM;
}

void
unix_extras_deliver(struct unix_socket *u, struct socket_msg *m, struct unix_extras *x)
{
	bool pass = socket_option(&u->sock, SO_PASSCRED);

	if (m->control_to == NULL) {
		if (x->files != NULL || (pass && x->has_creds))
			m->out_flags |= MSG_CTRUNC;
		scm_files_free(x->files);
	} else {
		if (pass && x->has_creds)
			scm_deliver_creds(m, &x->creds);
		if (x->files != NULL)
			scm_deliver_files(m, x->files);
	}
	if (x->has_creds)
		scm_creds_put(&x->creds);
}
