/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fair threads: earliest eligible virtual deadline first (Stoica and Abdel-Wahab, 1995).
 *
 * Virtual time passes for a thread at the rate run time * 1024 / weight. V, the weighted mean of all vruntimes, is what each
 * should have had; lag = V - vruntime is what the thread is owed. A thread asks for slices; each request has the deadline
 * vruntime + slice / weight. Among the eligible ones (lag >= 0) the earliest deadline runs. Lag is kept over sleep, within
 * a slice; a debt is forgiven as time passes.
 *
 * The sums behind V are relative to v0, which follows V, so that products stay small: |vruntime - v0| is bounded by a few
 * slices over the least weight (2^31), weights by 2^17 each.
 */
#include "sys/runqueue.h"

#define WEIGHT_IDLE	4	/* SCHED_IDLE */

/* 1024 * 1.25^-nice, nice -20 to 19: a step of nice is about 10% of the CPU between two threads. */
static const u32 nice_weight[40] = {
	88818, 71054, 56843, 45475, 36380, 29104, 23283, 18626, 14901, 11921,
	9537, 7629, 6104, 4883, 3906, 3125, 2500, 2000, 1600, 1280,
	1024, 819, 655, 524, 419, 336, 268, 215, 172, 137,
	110, 88, 70, 56, 45, 36, 29, 23, 18, 15,
};

u32
fair_weight(const struct thread *t)
{
	return t->policy == SCHED_POLICY_IDLE ? WEIGHT_IDLE : nice_weight[t->nice + 20];
}

static s64
to_virtual(const struct sched_entity *se, nsec_t delta)
{
	return se->weight == NICE0_WEIGHT ? delta : delta * NICE0_WEIGHT / se->weight;
}

static struct thread *
thread_of(struct rbnode *n)
{
	return container_of(n, struct thread, se.node);
}

/* Move v0 to V. */
static s64
normalise(struct fair_queue *q)
{
	s64 d;

	if (q->sum_w == 0) {
		q->sum_wv = 0;
		return q->v0;
	}
	d = q->sum_wv / q->sum_w;
	q->v0 += d;
	q->sum_wv -= d * q->sum_w;
	return q->v0;
}

static bool
eligible(const struct fair_queue *q, s64 vruntime)
{
	return (vruntime - q->v0) * q->sum_w <= q->sum_wv;
}

static void
update_min(struct rbnode *n)
{
	struct sched_entity *se = &thread_of(n)->se;
	s64 least = se->vruntime;

	if (n->left != NULL && thread_of(n->left)->se.min_vruntime - least < 0)
		least = thread_of(n->left)->se.min_vruntime;
	if (n->right != NULL && thread_of(n->right)->se.min_vruntime - least < 0)
		least = thread_of(n->right)->se.min_vruntime;
	se->min_vruntime = least;
}

static void
tree_insert(struct fair_queue *q, struct thread *t)
{
	struct rbnode **link = &q->tree.root, *parent = NULL;

	while (*link != NULL) {
		parent = *link;
		link = t->se.deadline - thread_of(parent)->se.deadline < 0 ? &parent->left : &parent->right;
	}
	t->se.min_vruntime = t->se.vruntime;
	rb_insert_augmented(&q->tree, &t->se.node, parent, link, update_min);
}

static void
sums_add(struct fair_queue *q, const struct sched_entity *se, s64 sign)
{
	q->sum_w += sign * (s64)se->weight;
	q->sum_wv += sign * (se->vruntime - q->v0) * (s64)se->weight;
}

void
fair_enqueue(struct runqueue *rq, struct thread *t, nsec_t now)
{
	struct fair_queue *q = &rq->fair;
	struct sched_entity *se = &t->se;
	s64 v = normalise(q);

	se->weight = fair_weight(t);
	if (se->lag < 0)
		se->lag = MIN(se->lag + MAX(now - se->exec_start, (nsec_t)0), (s64)0);
	se->vruntime = v - se->lag;
	se->deadline = se->vruntime + to_virtual(se, FAIR_SLICE);
	sums_add(q, se, 1);
	q->count++;
	tree_insert(q, t);
}

void
fair_dequeue(struct runqueue *rq, struct thread *t)
{
	struct fair_queue *q = &rq->fair;
	struct sched_entity *se = &t->se;
	s64 limit = to_virtual(se, FAIR_SLICE);
	s64 lag = normalise(q) - se->vruntime;

	if (t != rq->curr)
		rb_erase_augmented(&q->tree, &se->node, update_min);
	se->lag = MAX(MIN(lag, limit), -limit);
	sums_add(q, se, -1);
	q->count--;
	normalise(q);
}

static void
renew_request(struct sched_entity *se)
{
	if (se->vruntime - se->deadline >= 0)
		se->deadline = se->vruntime + to_virtual(se, FAIR_SLICE);
}

void
fair_put(struct runqueue *rq, struct thread *t)
{
	renew_request(&t->se);
	tree_insert(&rq->fair, t);
}

void
fair_set(struct runqueue *rq, struct thread *t)
{
	rb_erase_augmented(&rq->fair.tree, &t->se.node, update_min);
}

/* The leftmost (earliest deadline) eligible thread. Some thread always is, but for rounding. */
struct thread *
fair_pick(struct runqueue *rq)
{
	struct fair_queue *q = &rq->fair;
	struct rbnode *n = q->tree.root;

	if (n == NULL)
		return NULL;
	while (n != NULL) {
		if (n->left != NULL && eligible(q, thread_of(n->left)->se.min_vruntime))
			n = n->left;
		else if (eligible(q, thread_of(n)->se.vruntime))
			return thread_of(n);
		else
			n = n->right;
	}
	return thread_of(rb_first(&q->tree));
}

void
fair_charge(struct runqueue *rq, struct thread *t, nsec_t delta)
{
	s64 dv = to_virtual(&t->se, delta);

	t->se.vruntime += dv;
	rq->fair.sum_wv += dv * (s64)t->se.weight;
}

/* Does t, just enqueued, take the CPU from the running fair thread? Then that one's request ends here: its deadline falls
 * behind t's. */
bool
fair_preempts(struct runqueue *rq, struct thread *t, nsec_t now)
{
	struct sched_entity *curr = &rq->curr->se;

	if (t->policy == SCHED_POLICY_IDLE || t->policy == SCHED_POLICY_BATCH)
		return false;
	if (rq->curr->policy != SCHED_POLICY_IDLE && (now - curr->picked < FAIR_WAKE_GRAN ||
	    !eligible(&rq->fair, t->se.vruntime) || t->se.vruntime - curr->vruntime > 0))
		return false;
	curr->deadline = curr->vruntime + to_virtual(curr, FAIR_SLICE);
	return true;
}

bool
fair_tick(struct runqueue *rq, struct thread *t)
{
	return rq->nr_running > 1 && t->se.vruntime - t->se.deadline >= 0;
}

void
fair_yield(struct runqueue *rq, struct thread *t)
{
	t->se.deadline += to_virtual(&t->se, FAIR_SLICE);
}

/* The one that would run last is the one least missed. */
struct thread *
fair_steal(struct runqueue *rq, u32 to_cpu)
{
	for (struct rbnode *n = rb_last(&rq->fair.tree); n != NULL; n = rb_prev(n))
		if (thread_of(n)->affinity & BIT(to_cpu))
			return thread_of(n);
	return NULL;
}
