/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lock checker of the debug build (sys/lockdep.h says what it checks).
 *
 * The order is total and known beforehand (sys/lock_order.h), so no graph is learnt: a new lock is compared with each held
 * one. What a thread holds is listed in the thread, what an interrupt holds in a per-CPU list. Whether classes are used in
 * interrupts or with interrupts on is learnt; for LOCK_LEAF, which many unrelated locks share, it isn't checked.
 */
#include "arch/cpu.h"
#include "sys/lockdep.h"
#include "sys/log.h"
#include "sys/panic.h"
#include "sys/sched.h"

#define NAME(c)	[c] = #c

static const char *const class_names[LOCK_CLASS_COUNT] = {
	NAME(LOCK_NONE), NAME(LOCK_EXEC), NAME(LOCK_PROCTREE_SLEEP), NAME(LOCK_TTY_CTL), NAME(LOCK_WRITEBACK), NAME(LOCK_EPOLL), NAME(LOCK_FILE_POS),
	NAME(LOCK_MOUNT), NAME(LOCK_UMOUNT), NAME(LOCK_FS_RENAME), NAME(LOCK_DIR), NAME(LOCK_DIR_CHILD), NAME(LOCK_VNODE), NAME(LOCK_PIPE),
	NAME(LOCK_TTY_WRITE), NAME(LOCK_TTY), NAME(LOCK_TEXT), NAME(LOCK_SOCKET_BIND), NAME(LOCK_SOCKET_READ), NAME(LOCK_BUS), NAME(LOCK_CHRDEV), NAME(LOCK_LOOP), NAME(LOCK_BLOCK_OPEN), NAME(LOCK_DEVICE), NAME(LOCK_IRQ_SETUP), NAME(LOCK_FILES), NAME(LOCK_AS), NAME(LOCK_IPC), NAME(LOCK_VMA),
	NAME(LOCK_MAPPING_INVAL), NAME(LOCK_RMAP_FILE), NAME(LOCK_RMAP_ANON), NAME(LOCK_PAGE), NAME(LOCK_TRANS), NAME(LOCK_FS_MAP),
	NAME(LOCK_FS_ALLOC), NAME(LOCK_BUF),
	NAME(LOCK_JOURNAL), NAME(LOCK_BLOCK), NAME(LOCK_SB), NAME(LOCK_KMAP), NAME(LOCK_SLAB_LIST), NAME(LOCK_CONSOLE), NAME(LOCK_LEAF_SLEEP),
	NAME(LOCK_SPIN_FIRST), NAME(LOCK_PROCTREE), NAME(LOCK_SIGHAND), NAME(LOCK_PID), NAME(LOCK_PROC), NAME(LOCK_FUTEX), NAME(LOCK_IPC_OBJECT),
	NAME(LOCK_IPC_UNDO),
	NAME(LOCK_FSCTX_LIST), NAME(LOCK_FSCTX), NAME(LOCK_FD), NAME(LOCK_DENTRY_TREE), NAME(LOCK_DENTRY), NAME(LOCK_VNODE_SPIN),
	NAME(LOCK_DENTRY_HASH),
	NAME(LOCK_FLOCK), NAME(LOCK_INOTIFY), NAME(LOCK_MAPPING), NAME(LOCK_PT), NAME(LOCK_TTY_BUF), NAME(LOCK_LRU), NAME(LOCK_VNODE_HASH),
	NAME(LOCK_JOURNAL_LIST), NAME(LOCK_BUF_STATE), NAME(LOCK_BLOCK_QUEUE), NAME(LOCK_DISK_HW),
	NAME(LOCK_SOCKET_TABLE), NAME(LOCK_SOCKET), NAME(LOCK_ITIMER), NAME(LOCK_MQUEUE), NAME(LOCK_EVENT), NAME(LOCK_EPOLL_READY), NAME(LOCK_WAITQ), NAME(LOCK_EPOLL_SPIN),
	NAME(LOCK_WAITQ_NESTED), NAME(LOCK_MUTEX_WAIT), NAME(LOCK_PI), NAME(LOCK_THREAD), NAME(LOCK_RUNQUEUE), NAME(LOCK_TIMER),
	NAME(LOCK_WORK), NAME(LOCK_SLAB), NAME(LOCK_ZONE), NAME(LOCK_TLB), NAME(LOCK_IRQ), NAME(LOCK_IRQ_CHIP), NAME(LOCK_CLOCK),
	NAME(LOCK_RANDOM),
	NAME(LOCK_SERIAL), NAME(LOCK_LEAF), NAME(LOCK_RCU), NAME(LOCK_LOG),
};

const char *
lock_class_name(enum lock_class c)
{
	return c < LOCK_CLASS_COUNT && class_names[c] != NULL ? class_names[c] : "?";
}

#define IRQ_HELD_MAX	16

struct irq_held {
	struct { const void *lock; u16 cls; const void *pc; } held[IRQ_HELD_MAX];
	u32 count;
	bool busy;			/* a report is being printed: no checks */
};

static PERCPU_DEFINE(struct irq_held, irq_held);
static bool off;			/* [a] */

enum { USED_IN_IRQ = 1, USED_IRQS_ON = 2 };
static struct { u8 use; const void *irq_pc, *on_pc; } class_use[LOCK_CLASS_COUNT];	/* [a] learnt; races lose nothing but a report */
static u8 told[LOCK_CLASS_COUNT][LOCK_CLASS_COUNT];	/* [a] pairs already reported */

static void
report(u16 cls, u16 other, const char *what, const void *pc, const void *other_pc)
{
	struct irq_held *ih = this_cpu_ptr(irq_held);

	if (told[cls][other])
		return;
	told[cls][other] = 1;
	ih->busy = true;
	log_err("lock report: %s: taking %s at %pS; %s at %pS", what, lock_class_name(cls), pc, lock_class_name(other), other_pc);
	trace_print(LOG_ERR);
	ih->busy = false;
}

/* The interrupt rules, for a spinlock of class cls. */
static void
check_irq(u16 cls, u32 how, const void *pc)
{
	if (cls == LOCK_LEAF)
		return;
	if (in_irq()) {
		if (!(how & LOCKDEP_TRY) && !(class_use[cls].use & USED_IN_IRQ)) {
			class_use[cls].irq_pc = pc;
			class_use[cls].use |= USED_IN_IRQ;
		}
	} else if (arch_irqs_enabled() && !(class_use[cls].use & USED_IRQS_ON)) {
		class_use[cls].on_pc = pc;
		class_use[cls].use |= USED_IRQS_ON;
	}
	if (class_use[cls].use == (USED_IN_IRQ | USED_IRQS_ON))
		report(cls, cls, "taken in hard interrupts and with interrupts on", class_use[cls].on_pc, class_use[cls].irq_pc);
}

static void
check_against(const void *lock, u16 cls, u32 how, const void *pc, const void *held, u16 held_cls, const void *held_pc)
{
	if (held == lock)
		report(cls, held_cls, "taken twice", pc, held_pc);
	else if (held_cls > cls || (held_cls == cls && !(how & LOCKDEP_NESTED)))
		report(cls, held_cls, "order", pc, held_pc);
	else if (!in_irq() && cls != LOCK_LEAF && (class_use[held_cls].use & USED_IN_IRQ) && (class_use[cls].use & USED_IRQS_ON))
		report(cls, held_cls, "an irq-unsafe lock under an irq-safe one", pc, held_pc);
}

void
lockdep_acquire(const void *lock, u16 cls, u32 how, const void *pc)
{
	struct thread *t = thread_current();
	u64 flags;
	struct irq_held *ih;

	if (off || t == NULL || cls == LOCK_NONE)
		return;
	flags = arch_irq_save();
	ih = this_cpu_ptr(irq_held);
	if (ih->busy)
		goto out;
	if (!(how & LOCKDEP_SLEEPS)) {
		arch_irq_restore(flags);	/* check_irq looks at the caller's state */
		check_irq(cls, how, pc);
		arch_irq_disable();
		ih = this_cpu_ptr(irq_held);
	}
	if (in_irq()) {
		for (u32 i = 0; i < ih->count && !(how & LOCKDEP_TRY); i++)
			check_against(lock, cls, how, pc, ih->held[i].lock, ih->held[i].cls, ih->held[i].pc);
		if (ih->count < IRQ_HELD_MAX) {
			ih->held[ih->count].lock = lock;
			ih->held[ih->count].cls = cls;
			ih->held[ih->count++].pc = pc;
		}
		goto out;
	}
	for (u32 i = 0; i < t->held_count && !(how & LOCKDEP_TRY); i++)
		check_against(lock, cls, how, pc, t->held[i].lock, t->held[i].cls, t->held[i].pc);
	if (t->held_count < ARRAY_SIZE(t->held)) {
		t->held[t->held_count].lock = lock;
		t->held[t->held_count].cls = cls;
		t->held[t->held_count++].pc = pc;
	} else {
		report(cls, cls, "too many locks held", pc, pc);
	}
out:
	arch_irq_restore(flags);
}

void
lockdep_release(const void *lock, u16 cls, const void *pc)
{
	struct thread *t = thread_current();
	u64 flags;
	struct irq_held *ih;

	if (off || t == NULL || cls == LOCK_NONE)
		return;
	flags = arch_irq_save();
	ih = this_cpu_ptr(irq_held);
	if (ih->busy)
		goto out;
	if (in_irq()) {
		for (u32 i = ih->count; i-- > 0;) {
			if (ih->held[i].lock == lock) {
				for (ih->count--; i < ih->count; i++)
					ih->held[i] = ih->held[i + 1];
				goto out;
			}
		}
	} else {
		for (u32 i = t->held_count; i-- > 0;) {
			if (t->held[i].lock == lock) {
				for (t->held_count--; i < t->held_count; i++)
					t->held[i] = t->held[i + 1];
				goto out;
			}
		}
	}
	report(cls, LOCK_NONE, "released, but not held", pc, pc);
out:
	arch_irq_restore(flags);
}

bool
lockdep_holds(const void *lock)
{
	struct thread *t = thread_current();

	if (off || t == NULL)
		return true;
	for (u32 i = 0; i < t->held_count; i++)
		if (t->held[i].lock == lock)
			return true;
	return false;
}

void
lockdep_assert_none(const char *where)
{
	struct thread *t = thread_current();

	if (off || t == NULL || t->held_count == 0)
		return;
	report(LOCK_NONE, t->held[0].cls, where, NULL, t->held[0].pc);
	t->held_count = 0;
}

void
lockdep_off(void)
{
	off = true;
}

void
might_sleep_at(const char *file, int line)
{
	static bool warned;
	struct thread *t = thread_current();

	if (off || warned || !sched_running || t == NULL)
		return;
	if (!in_atomic() && arch_irqs_enabled())
		return;
	warned = true;
	log_err("lock report: sleeping in atomic context at %s:%d: preempt count %#x, interrupts %s, %u locks held", file, line,
		this_cpu_read(percpu_preempt_count), arch_irqs_enabled() ? "on" : "off", t->held_count);
	for (u32 i = 0; i < t->held_count; i++)
		log_err("lock report:   holds %s, taken at %pS", lock_class_name(t->held[i].cls), t->held[i].pc);
	trace_print(LOG_ERR);
}
