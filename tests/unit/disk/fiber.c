/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads that take turns: fiber.h. AddressSanitizer is told of every change of stacks. */
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/disk/fiber.h"

#include "arch/cpu.h"
#include "sys/abi/errno.h"
#include "sys/panic.h"
#include "sys/preempt.h"
#include "tests/unit/shim/shim.h"

#define STACK_SIZE	(512 * 1024)
#define HANG		(3000 * NSEC_PER_SEC)	/* the first thread never sleeps so long: somebody forgot to wake it */

struct fiber {
	struct list node;		/* of all */
	struct list run;		/* of those that are runnable, but for the one that runs */
	struct thread *t;
	struct unit_held held;
	void (*fn)(void *);
	void *arg;
	void *sp;			/* while it doesn't run */
	void *fake;			/* AddressSanitizer's */
	u8 *stack;			/* NULL: the first one's, which is the process's */
	const void *bottom;
	size_t size;
	nsec_t deadline;		/* of its sleep */
	bool timed_out;
	const void *wants;		/* the lock that it waits for */
};

void fiber_swap(void **save, void *sp);

struct thread unit_thread = { .refs = { 1 }, .name = "unit", .affinity = 1 };
struct thread *percpu_current = &unit_thread;
void (*unit_on_schedule)(void);
bool (*fiber_interrupt)(void);
u64 fiber_seed;

static struct fiber first = { .t = &unit_thread, .deadline = NSEC_MAX };
static struct fiber *current = &first, *worker, *dead;
static struct list all = LIST_INIT(all), runnable = LIST_INIT(runnable);
static u8 *spare[64];			/* stacks */
static u32 nspare, count;
static nsec_t first_slept;
static const char *fault;		/* found elsewhere, but it is the first thread whose call trace tells */

static u32
draw(u32 n)
{
	fiber_seed = fiber_seed * 6364136223846793005UL + 1442695040888963407UL;
	return (u32)(fiber_seed >> 33) % n;
}

static struct fiber *
fiber_of(const struct thread *t)
{
	struct fiber *f;

	list_for_each(f, &all, node)
		if (f->t == t)
			return f;
	panic("a thread that isn't there");
}

/* --- switching --- */

static void
bury(void)
{
	struct fiber *f = dead;

	dead = NULL;
	if (f == NULL)
		return;
	ASAN_UNPOISON_MEMORY_REGION(f->stack, STACK_SIZE);
	if (nspare < ARRAY_SIZE(spare))
		spare[nspare++] = f->stack;
	else
		free(f->stack);
	list_del(&f->node);
	count--;
	f->t->state = THREAD_DEAD;
	thread_put(f->t);
	free(f);
}

static void
arrive(void)
{
	const void *bottom;
	size_t size;

	__sanitizer_finish_switch_fiber(current->fake, &bottom, &size);
	if (first.bottom == NULL) {	/* the first switch of all came from there */
		first.bottom = bottom;
		first.size = size;
	}
	bury();
}

static void
switch_to(struct fiber *f)
{
	struct fiber *old = current;

	if (f == old)
		return;
	current = f;
	percpu_current = f->t;
	unit_held = &f->held;
	__sanitizer_start_switch_fiber(dead == old ? NULL : &old->fake, f->bottom, f->size);
	fiber_swap(&old->sp, f->sp);
	arrive();
}

static void
entry(void)
{
	arrive();
	current->fn(current->arg);
	thread_exit();
}

/* --- who runs --- */

static void
make_runnable(struct fiber *f)
{
	f->t->state = THREAD_RUNNING;
	f->deadline = NSEC_MAX;
	if (f != current && !list_is_linked(&f->run))
		list_add_tail(&runnable, &f->run);
}

static nsec_t
next_event(void)
{
	nsec_t next = unit_clock_next();
	struct fiber *f;

	list_for_each(f, &all, node)
		next = MIN(next, f->deadline);
	return next;
}

static void
time_out(void)
{
	struct fiber *f;

	list_for_each(f, &all, node) {
		if (f->deadline <= unit_now && f->t->state != THREAD_RUNNING) {
			f->timed_out = true;
			make_runnable(f);
		}
	}
}

static void
advance(nsec_t to)
{
	bool irqs = unit_irqs_on;

	if (to == NSEC_MAX) {
		fault = "all threads would sleep for ever";
		make_runnable(&first);
		return;
	}
	unit_irqs_on = false;
	if (to > unit_now)
		unit_clock_advance(to - unit_now);
	unit_irqs_on = irqs;
	time_out();
	if (first.t->state != THREAD_RUNNING && unit_now - first_slept > HANG)
		fault = "the first thread hangs: nobody woke it for too long";
	if (fault != NULL)
		make_runnable(&first);
}

static bool
interrupt(void)
{
	bool irqs = unit_irqs_on, any;

	unit_irqs_on = false;
	any = fiber_interrupt != NULL && fiber_interrupt();
	unit_irqs_on = irqs;
	if (worker != NULL && unit_work_pending() && worker->t->state != THREAD_RUNNING)
		make_runnable(worker);
	return any;
}

static struct fiber *
take_runnable(void)
{
	u32 n = 0, skip;
	struct fiber *f;

	list_for_each(f, &runnable, run)
		n++;
	if (n == 0)
		return NULL;
	skip = fiber_seed != 0 ? draw(n) : 0;
	list_for_each(f, &runnable, run)
		if (skip-- == 0)
			break;
	list_del(&f->run);
	return f;
}

/* The current thread sleeps, has died, or is on the list of runnable ones. */
static void
schedule(void)
{
	struct fiber *f;

	if (current == &first)
		first_slept = unit_now;
	do {
		if (list_empty(&runnable) || fiber_seed == 0 || draw(2) != 0)
			(void)interrupt();
		if (current->t->state == THREAD_RUNNING && dead != current && !list_is_linked(&current->run)) {
			if (fiber_seed == 0)
				return;		/* woken before it slept */
			list_add_tail(&runnable, &current->run);
		}
		f = take_runnable();
		if (f == NULL && !interrupt() && list_empty(&runnable) && current->t->state != THREAD_RUNNING)
			advance(next_event());
	} while (f == NULL);
	switch_to(f);
}

static void
let_others_run(void)
{
	list_add_tail(&runnable, &current->run);
	schedule();
}

void
fiber_yield(void)
{
	u32 rounds = 0;

	do {
		(void)interrupt();
		if (!list_empty(&runnable))
			let_others_run();
		KASSERT(++rounds < 100000);
	} while (!list_empty(&runnable) || interrupt());
}

void
fiber_sleep(nsec_t ns)
{
	nsec_t end = unit_now + ns;

	while (unit_now < end) {
		thread_set_state(THREAD_UNINTERRUPTIBLE);
		(void)thread_schedule_until(end);
	}
}

/* --- sys/thread.h --- */

void
thread_set_state(enum thread_state s)
{
	current->t->state = s;
}

bool
thread_wake_states(struct thread *t, u32 states)
{
	if (!(BIT(t->state) & states))
		return false;
	make_runnable(fiber_of(t));
	return true;
}

int
thread_schedule_until(nsec_t deadline)
{
	struct fiber *self = current;

	might_sleep();
	if (self->t->state == THREAD_RUNNING)
		return 0;
	if (self->t->plug != NULL && block_plug_sleep(self->t->plug))
		return 0;
	self->timed_out = false;
	self->deadline = deadline;
	if (deadline <= unit_now) {
		make_runnable(self);
		return -ETIMEDOUT;
	}
	schedule();
	if (fault != NULL && self == &first)
		panic("%s", fault);
	self->deadline = NSEC_MAX;
	return self->timed_out ? -ETIMEDOUT : 0;
}

void
thread_schedule(void)
{
	(void)thread_schedule_until(NSEC_MAX);
}

bool
thread_fatal_pending(const struct thread *t)
{
	return t->work & TW_EXIT;
}

void
thread_set_work(struct thread *t, u32 bits)
{
	t->work |= bits;
}

void
thread_get(struct thread *t)
{
	refcount_get(&t->refs);
}

void
thread_put(struct thread *t)
{
	if (refcount_put(&t->refs))
		free(t);
}

static void
prepare_stack(struct fiber *f)
{
	void **top = (void **)(f->stack + STACK_SIZE);

	*--top = NULL;			/* entry() returns nowhere, and finds its stack aligned as after a call */
	*--top = (void *)entry;
	top -= 6;
	memset(top, 0, 6 * sizeof(*top));
	f->sp = top;
	f->bottom = f->stack;
	f->size = STACK_SIZE;
}

int
thread_create(struct thread **out, void (*fn)(void *), void *arg, const char *fmt, ...)
{
	struct fiber *f = calloc(1, sizeof(*f));
	va_list ap;

	f->t = calloc(1, sizeof(*f->t));
	f->stack = nspare > 0 ? spare[--nspare] : malloc(STACK_SIZE);
	f->fn = fn;
	f->arg = arg;
	f->deadline = NSEC_MAX;
	refcount_init(&f->t->refs, 2);
	f->t->state = THREAD_NEW;
	f->t->affinity = 1;
	va_start(ap, fmt);
	vsnprintf(f->t->name, sizeof(f->t->name), fmt, ap);
	va_end(ap);
	prepare_stack(f);
	list_add_tail(&all, &f->node);
	count++;
	*out = f->t;
	return 0;
}

int
thread_spawn(void (*fn)(void *), void *arg, const char *fmt, ...)
{
	struct thread *t;
	int err = thread_create(&t, fn, arg, "%s", fmt);

	if (err == 0) {
		thread_wake(t);
		thread_put(t);
	}
	return err;
}

__noreturn void
thread_exit(void)
{
	KASSERT(unit_locks_held() == 0);
	dead = current;
	current->t->state = THREAD_DEAD;
	schedule();
	abort();
}

/* --- locks --- */

static void
wait_for_lock(const void *lock)
{
	current->wants = lock;
	thread_set_state(THREAD_UNINTERRUPTIBLE);
	thread_schedule();
	current->wants = NULL;
}

static void
lock_freed(const void *lock)
{
	struct fiber *f;

	list_for_each(f, &all, node)
		if (f->wants == lock && f != current)
			(void)thread_wake(f->t);
}

/* Threads may also change where nobody waits: shim/percpu.c calls it wherever a thread could sleep. */
static void
maybe_preempt(void)
{
	static bool inside;

	if (fiber_seed == 0 || inside || current->t->state != THREAD_RUNNING || list_empty(&runnable) || draw(8) != 0)
		return;
	inside = true;
	list_add_tail(&runnable, &current->run);
	inside = false;
	schedule();
}

/* --- life --- */

static void
work_main(void *arg)
{
	(void)arg;
	for (;;) {
		unit_run_work();
		thread_set_state(THREAD_INTERRUPTIBLE);
		if (!unit_work_pending())
			thread_schedule();
		else
			thread_set_state(THREAD_RUNNING);
	}
}

void
fiber_init(void)
{
	struct thread *t;

	list_add_tail(&all, &first.node);
	count = 1;
	unit_lock_wait = wait_for_lock;
	unit_lock_freed = lock_freed;
	unit_might_sleep = maybe_preempt;
	unit_held = &first.held;
	if (thread_create(&t, work_main, NULL, "worker") != 0)
		abort();
	worker = fiber_of(t);
	thread_wake(t);
	thread_put(t);
}

void
fiber_share(struct thread *t)
{
	t->files = unit_thread.files;
	t->fsctx = unit_thread.fsctx;
}

u32
fiber_count(void)
{
	return count;
}
