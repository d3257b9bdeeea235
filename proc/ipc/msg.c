/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Message queues: msgget(2), msgop(2), msgctl(2).
 *
 * Who waits is served by who makes it possible, in order of arrival: a sender gives its message to a receiver that waits for such
 * one; a receiver that makes room puts the messages of waiting senders in. So nobody is woken in vain.
 */
#include "proc/ipc/ipc.h"

#include "proc/proc.h"
#include "sys/lib/printf.h"

#define MSGSSZ	16		/* what IPC_INFO tells; nothing is made of such segments */

struct msg {
	struct list node;		/* [l] */
	struct refcount refs;		/* [a] the queue's or its owner's; a MSG_COPY's */
	s64 type;			/* [I] once sent */
	size_t len;			/* [I] */
	u8 data[];			/* [I] once sent */
};

struct msgq {
	struct ipc_object o;		/* first */
	struct list msgs;		/* [l] */
	struct list receivers;		/* [l] struct receiver */
	struct list senders;		/* [l] struct sender */
	u64 bytes, count, max_bytes;	/* [l] */
	s64 stime, rtime, ctime;	/* [l] */
	struct pid *lspid, *lrpid;	/* [l] references, or NULL */
};

enum match { MATCH_ANY, MATCH_TYPE, MATCH_EXCEPT, MATCH_LOWEST, MATCH_NUMBER };

#define RETRY	2			/* a waiter's status: the queue's settings changed, look again */

struct receiver {
	struct list node;		/* [l] */
	struct thread *thread;
	struct pid *pid;
	enum match match;
	s64 type;
	size_t max;
	bool truncate;
	struct msg *msg;		/* [l] */
	int status;			/* [l] IPC_WAITING, RETRY, or the result */
};

struct sender { struct list node; struct thread *thread; struct pid *pid; struct msg *msg; int status; };	/* all [l] */

static struct msgq *
msgq_of(struct ipc_object *o)
{
	return container_of(o, struct msgq, o);
}

/* --- messages --- */

struct msg *
msg_alloc(size_t len)
{
	struct msg *m = kmem_valloc(sizeof(*m) + len, KM_USER);

	if (m == NULL)
		return NULL;
	refcount_init(&m->refs, 1);
	m->len = len;
	return m;
}

void *
msg_data(struct msg *m)
{
	return m->data;
}

size_t
msg_len(const struct msg *m)
{
	return m->len;
}

void
msg_set_type(struct msg *m, s64 type)
{
	m->type = type;
}

s64
msg_type(const struct msg *m)
{
	return m->type;
}

void
msg_put(struct msg *m)
{
	if (m != NULL && refcount_put(&m->refs))
		kmem_vfree(m);
}

/* --- life --- */

static void
destroy(struct ipc_object *o)
{
	struct msgq *q = msgq_of(o);
	struct ipc_ns *ns = o->ids->ns;
	struct msg *m;

	while ((m = list_first(&q->msgs, struct msg, node)) != NULL) {
		list_del(&m->node);
		atomic_sub(&ns->msgs, 1UL);
		atomic_sub(&ns->msg_bytes, (u64)m->len);
		msg_put(m);
	}
	pid_put(q->lspid);
	pid_put(q->lrpid);
}

void
msg_init_ns(struct ipc_ns *ns)
{
	ipc_ids_init(&ns->msg, ns, destroy);
}

static int
create(const struct ipc_request *r, struct ipc_object **out)
{
	struct msgq *q = kmem_alloc(sizeof(*q), KM_USER | KM_ZERO);

	if (q == NULL)
		return -ENOMEM;
	ipc_object_init(&q->o, &ipc_current()->msg, r);
	list_init(&q->msgs);
	list_init(&q->receivers);
	list_init(&q->senders);
	q->max_bytes = ipc_limit_get(IPC_MSGMNB);
	q->ctime = ipc_now();
	*out = &q->o;
	return 0;
}

long
msgq_get(s32 key, u32 flags)
{
	struct ipc_request r = { .key = key, .flags = flags, .max = (u32)ipc_limit_get(IPC_MSGMNI), .create = create };

	return ipc_get(&ipc_current()->msg, &r);
}

static void
finish_receiver(struct receiver *r, int status, struct msg *m)
{
	list_del(&r->node);
	r->msg = m;
	r->status = status;
	(void)thread_wake(r->thread);
}

static void
finish_sender(struct sender *w, int status)
{
	list_del(&w->node);
	w->status = status;
	(void)thread_wake(w->thread);
}

static void
finish_all(struct msgq *q, int status)
{
	struct receiver *r;
	struct sender *w;

	while ((r = list_first(&q->receivers, struct receiver, node)) != NULL)
		finish_receiver(r, status, NULL);
	while ((w = list_first(&q->senders, struct sender, node)) != NULL)
		finish_sender(w, status);
}

int
msgq_remove(int id)
{
	struct ipc_object *o;
	int err = ipc_lock_owned(&ipc_current()->msg, id, &o);

	if (err != 0)
		return err;
	ipc_remove(o);
	finish_all(msgq_of(o), -EIDRM);
	ipc_unlock_table(o);
	ipc_put(o);
	return 0;
}

/* --- sending --- */

static bool
matches(const struct msg *m, enum match match, s64 type)
{
	switch (match) {
	case MATCH_TYPE:
		return m->type == type;
	case MATCH_EXCEPT:
		return m->type != type;
	case MATCH_LOWEST:
		return m->type <= type;
	default:
		return true;
	}
}

/* A receiver that waits for m gets it. Those for whom it would be, were it not too long, learn that. */
static bool
hand_over(struct msgq *q, struct msg *m)
{
	struct receiver *r, *next;

	list_for_each_safe(r, next, &q->receivers, node) {
		if (!matches(m, r->match, r->type))
			continue;
		if (m->len > r->max && !r->truncate) {
			finish_receiver(r, -E2BIG, NULL);
			continue;
		}
		pid_get(r->pid);
		pid_put(q->lrpid);
		q->lrpid = r->pid;
		q->rtime = ipc_now();
		finish_receiver(r, 0, m);
		return true;
	}
	return false;
}

static bool
has_room(const struct msgq *q, const struct msg *m)
{
	return q->bytes + m->len <= q->max_bytes && q->count + 1 <= q->max_bytes;
}

/* m, sent by pid, comes in. */
static void
put_in(struct msgq *q, struct msg *m, struct pid *pid)
{
	struct ipc_ns *ns = q->o.ids->ns;

	pid_get(pid);
	pid_put(q->lspid);
	q->lspid = pid;
	q->stime = ipc_now();
	if (hand_over(q, m))
		return;
	list_add_tail(&q->msgs, &m->node);
	q->bytes += m->len;
	q->count++;
	atomic_add(&ns->msgs, 1UL);
	atomic_add(&ns->msg_bytes, (u64)m->len);
}

/* Room was made: the messages of those senders that fit come in. */
static void
admit_senders(struct msgq *q)
{
	struct sender *w, *next;

	list_for_each_safe(w, next, &q->senders, node) {
		if (!has_room(q, w->msg))
			continue;
		put_in(q, w->msg, w->pid);
		finish_sender(w, 0);
	}
}

/* [l] held. RETRY: look at permissions and room again. */
static int
wait_for_room(struct msgq *q, struct msg *m)
{
	struct sender w = { .thread = thread_current(), .pid = process_current()->pids[PID_TGID], .msg = m, .status = IPC_WAITING };
	int err;

	list_add_tail(&q->senders, &w.node);
	err = ipc_sleep(&q->o, &w.status, NSEC_MAX);
	if (err == 0)
		return w.status;
	list_del(&w.node);
	return err;
}

static int
send_locked(struct msgq *q, struct msg *m, u32 flags)
{
	int err;

	do {
		err = ipc_permission(&q->o, IPC_W);
		if (err != 0)
			return err;
		if (has_room(q, m)) {
			put_in(q, m, process_current()->pids[PID_TGID]);
			return 0;
		}
		if (flags & IPC_NOWAIT)
			return -EAGAIN;
		err = wait_for_room(q, m);
	} while (err == RETRY);
	return err;
}

int
msgq_send(int id, struct msg *m, u32 flags)
{
	struct ipc_object *o;
	int err = ipc_lock(&ipc_current()->msg, id, &o);

	if (err != 0)
		return err;
	err = send_locked(msgq_of(o), m, flags);
	ipc_unlock(o);
	return err;
}

/* --- receiving --- */

static enum match
match_of(s64 *type, u32 flags)
{
	if (flags & MSG_COPY)
		return MATCH_NUMBER;
	if (*type == 0)
		return MATCH_ANY;
	if (*type < 0) {
		*type = *type == INT64_MIN ? INT64_MAX : -*type;
		return MATCH_LOWEST;
	}
	return flags & MSG_EXCEPT ? MATCH_EXCEPT : MATCH_TYPE;
}

static struct msg *
find(struct msgq *q, enum match match, s64 type)
{
	struct msg *m, *found = NULL;
	s64 number = 0;

	list_for_each(m, &q->msgs, node) {
		if (match == MATCH_NUMBER ? number++ != type : !matches(m, match, type))
			continue;
		if (match != MATCH_LOWEST)
			return m;
		if (found == NULL || m->type < found->type)
			found = m;
	}
	return found;
}

static void
take_out(struct msgq *q, struct msg *m)
{
	struct ipc_ns *ns = q->o.ids->ns;

	list_del(&m->node);
	q->bytes -= m->len;
	q->count--;
	q->rtime = ipc_now();
	ipc_set_pid(&q->lrpid);
	atomic_sub(&ns->msgs, 1UL);
	atomic_sub(&ns->msg_bytes, (u64)m->len);
	admit_senders(q);
}

static int
receive_locked(struct msgq *q, struct receiver *r, u32 flags)
{
	struct msg *m;
	int err;

	do {
		err = ipc_permission(&q->o, IPC_R);
		if (err != 0)
			return err;
		m = find(q, r->match, r->type);
		if (m != NULL) {
			if (m->len > r->max && !r->truncate)
				return -E2BIG;
			if (m->len > r->max && r->match == MATCH_NUMBER)
				return -EINVAL;		/* as on Linux: a copy is not cut */
			r->msg = m;
			if (r->match == MATCH_NUMBER)
				refcount_get(&m->refs);
			else
				take_out(q, m);
			return 0;
		}
		if (flags & IPC_NOWAIT)
			return -ENOMSG;
		r->status = IPC_WAITING;
		list_add_tail(&q->receivers, &r->node);
		err = ipc_sleep(&q->o, &r->status, NSEC_MAX);
		if (err != 0) {
			list_del(&r->node);
			return err;
		}
	} while (r->status == RETRY);
	return r->status;
}

int
msgq_receive(int id, size_t max, s64 type, u32 flags, struct msg **m)
{
	struct receiver r = { .thread = thread_current(), .pid = process_current()->pids[PID_TGID], .max = max,
		.truncate = flags & MSG_NOERROR };
	struct ipc_object *o;
	int err;

	if ((flags & MSG_COPY) && ((flags & MSG_EXCEPT) || !(flags & IPC_NOWAIT)))
		return -EINVAL;
	r.match = match_of(&type, flags);
	r.type = type;
	err = ipc_lock(&ipc_current()->msg, id, &o);
	if (err != 0)
		return err;
	err = receive_locked(msgq_of(o), &r, flags);
	ipc_unlock(o);
	*m = r.msg;
	return err;
}

/* --- msgctl --- */

int
msgq_set(int id, const struct abi_ipc_perm *perm, u64 qbytes)
{
	struct ipc_object *o;
	struct msgq *q;
	int err = ipc_lock_owned(&ipc_current()->msg, id, &o);

	if (err != 0)
		return err;
	q = msgq_of(o);
	if (qbytes > ipc_limit_get(IPC_MSGMNB) && !capable(CAP_SYS_RESOURCE))
		err = -EPERM;
	else
		err = ipc_perm_set(o, perm);
	if (err == 0) {
		q->max_bytes = qbytes;
		q->ctime = ipc_now();
		finish_all(q, RETRY);
	}
	ipc_unlock_table(o);
	return err;
}

long
msgq_stat(int id, enum ipc_stat how, struct abi_msqid_ds *ds)
{
	struct ipc_object *o;
	struct msgq *q;
	long ret = ipc_lock_stat(&ipc_current()->msg, id, how, &o);

	if (ret != 0)
		return ret;
	q = msgq_of(o);
	*ds = (struct abi_msqid_ds){ .stime = q->stime, .rtime = q->rtime, .ctime = q->ctime, .cbytes = q->bytes, .qnum = q->count,
		.qbytes = q->max_bytes, .lspid = pid_nr(q->lspid), .lrpid = pid_nr(q->lrpid) };
	ipc_perm_get(o, &ds->perm);
	ret = how == IPC_BY_ID ? 0 : o->id;
	ipc_unlock(o);
	return ret;
}

long
msgq_info(bool usage, struct abi_msginfo *info)
{
	struct ipc_ns *ns = ipc_current();
	s32 mnb = (s32)ipc_limit_get(IPC_MSGMNB), mni = (s32)ipc_limit_get(IPC_MSGMNI);

	*info = (struct abi_msginfo){ .msgmax = (s32)ipc_limit_get(IPC_MSGMAX), .msgmnb = mnb, .msgmni = mni, .msgssz = MSGSSZ,
		.msgseg = UINT16_MAX };
	if (usage) {
		info->msgpool = (s32)ipc_used(&ns->msg);
		info->msgmap = (s32)atomic_load_relaxed(&ns->msgs);
		info->msgtql = (s32)atomic_load_relaxed(&ns->msg_bytes);
	} else {
		/* As on Linux: the pool in KiB, and a map and headers for as many messages as the largest queue has bytes. */
		info->msgpool = (s32)((s64)mni * mnb / 1024);
		info->msgmap = mnb;
		info->msgtql = mnb;
	}
	return ipc_top(&ns->msg);
}

static void
show(struct ipc_object *o, void *arg)
{
	struct msgq *q = msgq_of(o);

	strbuf_printf(arg, "%10d %10d  %4o  %10lu %10lu %5u %5u %5u %5u %5u %5u %10ld %10ld %10ld\n", o->key, o->id, o->mode, q->bytes,
		q->count, pid_nr(q->lspid), pid_nr(q->lrpid), o->uid.val, o->gid.val, o->cuid.val, o->cgid.val, q->stime, q->rtime,
		q->ctime);
}

void
msgq_show(struct strbuf *out)
{
	strbuf_puts(out, "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime"
		"      ctime\n");
	ipc_for_each(&ipc_current()->msg, show, out);
}
