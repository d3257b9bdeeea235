/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Intrusive lists.
 *
 * `struct list` is a circular doubly linked list: the head and the nodes are the same type. `struct hlist` is a
 * one-pointer head for hash buckets, whose nodes can be unlinked without knowing the bucket.
 * No call allocates, locks or sleeps; the owner's lock is outside.
 *
 * A node is unlinked when it is zeroed, list_init'ed, or was taken off by list_del or list_del_init; list_is_linked
 * says so. The *_rcu forms publish with release and traverse with acquire: readers inside an RCU read section may
 * walk forward while a writer, who holds the owner's lock, changes the list. A node taken off by list_del_rcu keeps
 * its forward pointer for such readers; it must not be reused before a grace period is over.
 */
#ifndef SYS_LIB_LIST_H
#define SYS_LIB_LIST_H

#include "sys/lib/atomic.h"
#include "sys/lib/types.h"

struct list {
	struct list *next, *prev;
};

#define LIST_INIT(name)	{ &(name), &(name) }

static inline void
list_init(struct list *l)
{
	l->next = l;
	l->prev = l;
}

/* True if the head has no node. May be asked without the lock; the answer is then a hint. */
static inline bool
list_empty(const struct list *head)
{
	return READ_ONCE(head->next) == head;
}

static inline bool
list_is_linked(const struct list *node)
{
	const struct list *prev = READ_ONCE(node->prev);

	return prev && prev != node;
}

/* True if exactly one node is there. */
static inline bool
list_is_singular(const struct list *head)
{
	return head->next != head && head->next == head->prev;
}

/* Links `node` between two neighbours. */
static inline void
list_insert(struct list *node, struct list *prev, struct list *next)
{
	node->next = next;
	node->prev = prev;
	next->prev = node;
	WRITE_ONCE(prev->next, node);
}

/* Adds `node` right behind `head`: to the front of the list. */
static inline void
list_add(struct list *head, struct list *node)
{
	list_insert(node, head, head->next);
}

static inline void
list_add_tail(struct list *head, struct list *node)
{
	list_insert(node, head->prev, head);
}

static inline void
list_unlink(struct list *node)
{
	node->next->prev = node->prev;
	WRITE_ONCE(node->prev->next, node->next);
}

/* The node must be linked. Afterwards list_is_linked is false and a stray use faults. */
static inline void
list_del(struct list *node)
{
	list_unlink(node);
	node->next = NULL;
	node->prev = NULL;
}

/* As list_del, but the node becomes an empty list; it may already be one. */
static inline void
list_del_init(struct list *node)
{
	list_unlink(node);
	list_init(node);
}

/* Takes a linked node off its list and adds it at the end (the front) of `head`'s. */
static inline void
list_move_tail(struct list *head, struct list *node)
{
	list_unlink(node);
	list_add_tail(head, node);
}

static inline void
list_move(struct list *head, struct list *node)
{
	list_unlink(node);
	list_add(head, node);
}

/* Moves all nodes of `from`, in order, to the end of `to`; `from` is empty afterwards. */
static inline void
list_splice_tail(struct list *from, struct list *to)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

/* Puts `node` in the place of the linked `old`, which becomes unlinked. */
static inline void
list_replace(struct list *old, struct list *node)
{
	list_insert(node, old->prev, old->next);
	old->next = NULL;
	old->prev = NULL;
}

#define list_entry(ptr, type, member)	container_of(ptr, type, member)

/* The first (last) entry, or NULL if the list is empty. */
#define list_first(head, type, member) ({ \
	struct list *list_h_ = (head); \
	struct list *list_n_ = list_h_->next; \
	list_n_ == list_h_ ? (type *)NULL : container_of(list_n_, type, member); })
#define list_last(head, type, member) ({ \
	struct list *list_h_ = (head); \
	struct list *list_n_ = list_h_->prev; \
	list_n_ == list_h_ ? (type *)NULL : container_of(list_n_, type, member); })

/* The entry behind (before) `var`, or NULL at the end. */
#define list_next(var, head, member) ({ \
	struct list *list_n_ = (var)->member.next; \
	list_n_ == (head) ? (__typeof__(*(var)) *)NULL : container_of(list_n_, __typeof__(*(var)), member); })
#define list_prev(var, head, member) ({ \
	struct list *list_n_ = (var)->member.prev; \
	list_n_ == (head) ? (__typeof__(*(var)) *)NULL : container_of(list_n_, __typeof__(*(var)), member); })

/* `var` is a pointer to the entry type. The current entry must stay linked while the body runs. */
#define list_for_each(var, head, member) \
	for ((var) = container_of((head)->next, __typeof__(*(var)), member); \
	     &(var)->member != (head); \
	     (var) = container_of((var)->member.next, __typeof__(*(var)), member))

#define list_for_each_reverse(var, head, member) \
	for ((var) = container_of((head)->prev, __typeof__(*(var)), member); \
	     &(var)->member != (head); \
	     (var) = container_of((var)->member.prev, __typeof__(*(var)), member))

/* The current entry may be unlinked or freed; `tmp` (same type as `var`), the one behind it, must stay. */
#define list_for_each_safe(var, tmp, head, member) \
	for ((var) = container_of((head)->next, __typeof__(*(var)), member), \
	     (tmp) = container_of((var)->member.next, __typeof__(*(var)), member); \
	     &(var)->member != (head); \
	     (var) = (tmp), (tmp) = container_of((var)->member.next, __typeof__(*(var)), member))

static inline void
list_add_rcu(struct list *head, struct list *node)
{
	node->next = head->next;
	node->prev = head;
	head->next->prev = node;
	atomic_store_release(&head->next, node);
}

static inline void
list_add_tail_rcu(struct list *head, struct list *node)
{
	struct list *last = head->prev;

	node->next = head;
	node->prev = last;
	head->prev = node;
	atomic_store_release(&last->next, node);
}

static inline void
list_del_rcu(struct list *node)
{
	list_unlink(node);
	node->prev = NULL;
}

#define list_for_each_rcu(var, head, member) \
	for ((var) = container_of(atomic_load_acquire(&(head)->next), __typeof__(*(var)), member); \
	     &(var)->member != (head); \
	     (var) = container_of(atomic_load_acquire(&(var)->member.next), __typeof__(*(var)), member))

/* Hash bucket: a zeroed head is empty, a zeroed node is unlinked. */
struct hnode {
	struct hnode *next;
	struct hnode **pprev;	/* what points at us; NULL when unlinked */
};

struct hlist {
	struct hnode *first;
};

static inline void
hlist_init(struct hlist *h)
{
	h->first = NULL;
}

static inline void
hnode_init(struct hnode *n)
{
	n->next = NULL;
	n->pprev = NULL;
}

static inline bool
hlist_empty(const struct hlist *h)
{
	return !READ_ONCE(h->first);
}

static inline bool
hlist_is_linked(const struct hnode *n)
{
	return READ_ONCE(n->pprev) != NULL;
}

/* Adds at the front. Readers under RCU see the node whole: hlist_add_rcu is the same act, named for the reader. */
static inline void
hlist_add_rcu(struct hlist *h, struct hnode *n)
{
	struct hnode *first = h->first;

	n->next = first;
	n->pprev = &h->first;
	if (first)
		first->pprev = &n->next;
	atomic_store_release(&h->first, n);
}

static inline void
hlist_add(struct hlist *h, struct hnode *n)
{
	hlist_add_rcu(h, n);
}

/* The node must be linked. Keeps n->next for readers under RCU. */
static inline void
hlist_del_rcu(struct hnode *n)
{
	struct hnode *next = n->next;

	WRITE_ONCE(*n->pprev, next);
	if (next)
		next->pprev = n->pprev;
	WRITE_ONCE(n->pprev, NULL);
}

static inline void
hlist_del(struct hnode *n)
{
	hlist_del_rcu(n);
	n->next = NULL;
}

#define hlist_entry_or_null(ptr, type, member) ({ \
	struct hnode *hlist_n_ = (ptr); \
	hlist_n_ ? container_of(hlist_n_, type, member) : (type *)NULL; })

#define hlist_for_each(var, head, member) \
	for ((var) = hlist_entry_or_null((head)->first, __typeof__(*(var)), member); (var); \
	     (var) = hlist_entry_or_null((var)->member.next, __typeof__(*(var)), member))

/* `tmp` is a struct hnode *; the current entry may be unlinked or freed. */
#define hlist_for_each_safe(var, tmp, head, member) \
	for ((var) = hlist_entry_or_null((head)->first, __typeof__(*(var)), member); \
	     (var) && ((tmp) = (var)->member.next, true); \
	     (var) = hlist_entry_or_null(tmp, __typeof__(*(var)), member))

#define hlist_for_each_rcu(var, head, member) \
	for ((var) = hlist_entry_or_null(atomic_load_acquire(&(head)->first), __typeof__(*(var)), member); (var); \
	     (var) = hlist_entry_or_null(atomic_load_acquire(&(var)->member.next), __typeof__(*(var)), member))

#endif
