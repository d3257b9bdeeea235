/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Queued spinlocks: an MCS queue (Mellor-Crummey and Scott, 1991) behind one word.
 *
 * The word's low byte says that the lock is held; its upper half names the last waiter in the queue, as CPU and nesting
 * depth. Each waiter spins on a node of its own, so a release touches one other CPU's cache only. A free lock without a queue is
 * taken by one compare-and-swap. The head of the queue waits for the byte; the nodes are free again once the lock is had,
 * so four per CPU are enough: thread, hard interrupt and what an exception in either may take.
 *
 * In a virtual machine there is no queue. Its host stops processors at will, and handing the lock to the one whose turn it is,
 * which may not be running, makes all others wait for the host, time after time: there, who runs takes it.
 */
#include "sys/lockdep.h"
#include "sys/spinlock.h"
#include "sys/thread.h"
#include "sys/panic.h"

#define SPIN_HELD		1u
#define SPIN_HELD_MASK		0xffu
#define SPIN_TAIL_SHIFT		16
#define SPIN_DEPTH_BITS		2
#define SPIN_DEPTH		(1u << SPIN_DEPTH_BITS)

struct spin_node {
	struct spin_node *next;		/* [a] who waits behind */
	u32 head;			/* [a] 1: this node is at the head of the queue */
};

struct spin_nodes {
	struct spin_node node[SPIN_DEPTH];
	u32 used;			/* this CPU only */
} __aligned(64);

static PERCPU_DEFINE(struct spin_nodes, spin_nodes);

#ifdef CONFIG_DEBUG
#define LOCK_CLASS(l)	((l)->lock_class)
#define spin_set_owner(l)	((l)->owner_cpu = (u16)(cpu_id() + 1), (l)->owner = thread_current())
#define spin_clear_owner(l)	((l)->owner_cpu = 0, (l)->owner = NULL)
#else
#define LOCK_CLASS(l)	LOCK_NONE
#define spin_set_owner(l)	((void)0)
#define spin_clear_owner(l)	((void)0)
#endif

#define CALLER	__builtin_return_address(0)

static u32
tail_make(u32 cpu, u32 depth)
{
	return ((cpu + 1) << SPIN_DEPTH_BITS | depth) << SPIN_TAIL_SHIFT;
}

static struct spin_node *
tail_node(u32 tail)
{
	u32 v = tail >> SPIN_TAIL_SHIFT;

	return &per_cpu_ptr(spin_nodes, (v >> SPIN_DEPTH_BITS) - 1)->node[v & (SPIN_DEPTH - 1)];
}

/* At the head of the queue: wait for the holder, take the lock, make the next waiter the head. */
static void
take_as_head(struct spinlock *l, struct spin_node *node, u32 tail)
{
	u32 word;
	struct spin_node *next;

	while ((word = atomic_load_acquire(&l->word)) & SPIN_HELD_MASK)
		arch_pause();
	while ((word & ~SPIN_HELD_MASK) == tail)
		if (atomic_try_cas(&l->word, &word, SPIN_HELD))
			return;
	/* Somebody is behind: the byte is ours to set, since only the head may. */
	atomic_fetch_or(&l->word, SPIN_HELD);
	while ((next = atomic_load_acquire(&node->next)) == NULL)
		arch_pause();
	atomic_store_release(&next->head, 1u);
}

/* Outside the queue, and only while there is none. */
static void
wait_unqueued(struct spinlock *l)
{
	do {
		while (atomic_load_relaxed(&l->word) != 0)
			arch_pause();
	} while (!atomic_cas(&l->word, 0u, SPIN_HELD));
}

static __noinline void
spin_wait(struct spinlock *l)
{
	struct spin_nodes *nodes = this_cpu_ptr(spin_nodes);
	u32 depth = nodes->used;
	struct spin_node *node;
	u32 tail, word;

	if (arch_virtual || unlikely(depth >= SPIN_DEPTH)) {	/* or deeper nesting than there are nodes */
		wait_unqueued(l);
		return;
	}
	nodes->used++;
	barrier();
	node = &nodes->node[depth];
	node->next = NULL;
	node->head = 0;
	tail = tail_make(cpu_id(), depth);

	word = atomic_load_relaxed(&l->word);
	for (;;) {
		if (word == 0) {
			if (atomic_try_cas(&l->word, &word, SPIN_HELD))
				goto out;
			continue;
		}
		if (atomic_try_cas(&l->word, &word, (word & SPIN_HELD_MASK) | tail))
			break;
	}
	if (word >> SPIN_TAIL_SHIFT) {
		atomic_store_release(&tail_node(word)->next, node);
		while (!atomic_load_acquire(&node->head))
			arch_pause();
	}
	take_as_head(l, node, tail);
out:
	barrier();
	nodes->used--;
}

static __always_inline void
acquire(struct spinlock *l)
{
	if (unlikely(!atomic_cas(&l->word, 0u, SPIN_HELD)))
		spin_wait(l);
	spin_set_owner(l);
}

static __always_inline void
release(struct spinlock *l)
{
	spin_clear_owner(l);
	atomic_store_release((u8 *)&l->word, (u8)0);	/* the low byte: all ports are little-endian */
}

void
spin_init(struct spinlock *l, enum lock_class cls)
{
	*l = (struct spinlock)SPINLOCK_INIT(cls);
}

void
spin_lock(struct spinlock *l)
{
	preempt_disable();
	lockdep_acquire(l, LOCK_CLASS(l), 0, CALLER);
	acquire(l);
}

void
spin_lock_nested(struct spinlock *l)
{
	preempt_disable();
	lockdep_acquire(l, LOCK_CLASS(l), LOCKDEP_NESTED, CALLER);
	acquire(l);
}

bool
spin_trylock(struct spinlock *l)
{
	preempt_disable();
	if (!atomic_cas(&l->word, 0u, SPIN_HELD)) {
		preempt_enable();
		return false;
	}
	spin_set_owner(l);
	lockdep_acquire(l, LOCK_CLASS(l), LOCKDEP_TRY, CALLER);
	return true;
}

void
spin_unlock(struct spinlock *l)
{
	lockdep_release(l, LOCK_CLASS(l), CALLER);
	release(l);
	preempt_enable();
}

bool
spin_is_locked(const struct spinlock *l)
{
	return atomic_load_relaxed(&l->word) != 0;
}

u64
spin_lock_irqsave(struct spinlock *l)
{
	u64 flags = arch_irq_save();

	preempt_disable();
	lockdep_acquire(l, LOCK_CLASS(l), 0, CALLER);
	acquire(l);
	return flags;
}

void
spin_unlock_irqrestore(struct spinlock *l, u64 flags)
{
	lockdep_release(l, LOCK_CLASS(l), CALLER);
	release(l);
	arch_irq_restore(flags);
	preempt_enable();
}

void
spin_lock_irq(struct spinlock *l)
{
	arch_irq_disable();
	preempt_disable();
	lockdep_acquire(l, LOCK_CLASS(l), 0, CALLER);
	acquire(l);
}

void
spin_unlock_irq(struct spinlock *l)
{
	lockdep_release(l, LOCK_CLASS(l), CALLER);
	release(l);
	arch_irq_enable();
	preempt_enable();
}

void
spin_acquire(struct spinlock *l)
{
	lockdep_acquire(l, LOCK_CLASS(l), 0, CALLER);
	acquire(l);
}

bool
spin_try_acquire(struct spinlock *l)
{
	if (!atomic_cas(&l->word, 0u, SPIN_HELD))
		return false;
	spin_set_owner(l);
	lockdep_acquire(l, LOCK_CLASS(l), LOCKDEP_TRY, CALLER);
	return true;
}

void
spin_release(struct spinlock *l)
{
	lockdep_release(l, LOCK_CLASS(l), CALLER);
	release(l);
}

#ifdef CONFIG_DEBUG
void
spin_assert_held(const struct spinlock *l)
{
	if (unlikely(l->owner_cpu != cpu_id() + 1))
		panic("spinlock of class %s is not held here (owner CPU %d)", lock_class_name(l->lock_class), l->owner_cpu - 1);
}
#endif
