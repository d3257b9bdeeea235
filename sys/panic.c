/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Panics, oopses, warnings, in Linux's shape, which people and tools know. An oops in a thread ends the thread (its locks stay
 * held: better a stuck file than a lost machine); in an interrupt, in the idle thread or in init it is a panic.
 */
#include "arch/cpu.h"
#include "arch/smp.h"
#include "arch/trap.h"
#include "sys/clock.h"
#include "sys/lockdep.h"
#include "sys/log.h"
#include "sys/panic.h"
#include "sys/refcount.h"
#include "sys/sched.h"
#include "sys/signal.h"
#include "sys/symbols.h"
#include "sys/work.h"
#include "sys/lib/printf.h"
#include "version.h"

#define SIGNAL_KILL	9
#define NOBODY		UINT32_MAX
#define VERBOSE		15	/* consoles show all from the first oops on, whatever quiet said */

int panic_timeout;
bool panic_on_oops;
static u32 panic_cpu = NOBODY;		/* [a] */
static u32 oops_count;			/* [a] */
static u32 oopsing = NOBODY;		/* [a] CPU that prints one: a fault in there is a panic */

static void
print_entry(u64 pc, void *arg)
{
	const char *name;
	u64 offset, size;

	if (symbol_find(pc - 1, &name, &offset, &size))		/* a call that does not return may be the last of its function */
		log_printf(*(int *)arg, " %s+%#lx/%#lx", name, offset + 1, size);
	else
		log_printf(*(int *)arg, " %#lx", pc);
}

void
trace_print(int level)
{
	log_printf(level, "Call Trace:");
	arch_stack_walk(0, print_entry, &level);
}

void
trace_print_thread(struct thread *t, int level)
{
	if (READ_ONCE(t->kstack) != NULL)	/* a zombie has none; what is read of one that just dies may be nonsense */
		arch_stack_walk(arch_thread_fp(t), print_entry, &level);
}

static void
print_who(int level)
{
	struct thread *t = thread_current();

	if (t == NULL)
		log_printf(level, "CPU: %u, early boot", cpu_id());
	else
		log_printf(level, "CPU: %u PID: %d Comm: %s %s", cpu_id(), t->proc != NULL ? thread_tid(t) : 0, t->name, LINTEL_RELEASE);
}

static __noreturn void
end_of_panic(const char *text)
{
	arch_stop_other_cpus();
	if (panic_timeout > 0) {
		log_emerg("Rebooting in %d seconds..", panic_timeout);
		for (int i = 0; i < panic_timeout * 1000; i++)
			clock_delay(NSEC_PER_MSEC);
	}
	if (panic_timeout != 0)
		arch_reboot();
	log_emerg("---[ end Kernel panic - not syncing: %s ]---", text);
	arch_halt();
}

static __noreturn void
stop_here(void)
{
	for (;;) {
		arch_irq_disable();
		arch_pause();
	}
}

void
panic(const char *fmt, ...)
{
	static char text[256];
	u32 nobody = NOBODY;
	va_list ap;

	arch_irq_disable();
	preempt_disable();
	if (!atomic_try_cas(&panic_cpu, &nobody, cpu_id())) {
		if (nobody == cpu_id())		/* a fault in the panic itself */
			arch_halt();
		stop_here();
	}
	lockdep_off();
	log_panic_mode();
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_emerg("Kernel panic - not syncing: %s", text);
	if (oopsing != cpu_id()) {
		print_who(LOG_EMERG);
		trace_print(LOG_EMERG);
	}
	end_of_panic(text);
}

void
kassert_failed(const char *expr, const char *file, int line)
{
	log_emerg("kernel BUG at %s:%d! (%s)", file, line, expr);
	panic("assertion failed: %s", expr);
}

void
warn_report(const char *expr, const char *file, int line)
{
	log_warn("------------[ cut here ]------------");
	log_warn("WARNING: %s at %s:%d", expr, file, line);
	print_who(LOG_WARNING);
	trace_print(LOG_WARNING);
	log_warn("---[ end trace 0000000000000000 ]---");
}

void
refcount_report(struct refcount *r)
{
	atomic_store_relaxed(&r->n, REFCOUNT_SATURATED);
	WARN_ON(r != NULL);
}

static __noreturn void
kill_current(void)
{
	struct thread *t = thread_current();

	this_cpu_write(percpu_preempt_count, 0);
	thread_set_state(THREAD_RUNNING);
#ifdef CONFIG_DEBUG
	t->held_count = 0;
#endif
	arch_irq_enable();
	if (t->proc != NULL)
		thread_exit_user(SIGNAL_KILL);
	work_thread_dies(t);
	thread_exit();
}

void
oops(const char *what, struct trapframe *tf, u64 code)
{
	struct thread *t = thread_current();
	u32 me = cpu_id(), nobody = NOBODY, count = this_cpu_read(percpu_preempt_count);

	arch_irq_disable();
	if (!atomic_try_cas(&oopsing, &nobody, me)) {
		if (nobody == me)
			panic("fault in an oops: %s", what);
		while (!atomic_cas(&oopsing, NOBODY, me))
			arch_pause();
	}
	log_console_level = VERBOSE;
	log_printf(LOG_ALERT, "BUG: %s", what);
	log_emerg("Oops: %04lx [#%u] PREEMPT SMP", code, atomic_add(&oops_count, 1));
	print_who(LOG_WARNING);
	arch_print_frame(tf);
	trace_print(LOG_WARNING);
	log_warn("---[ end trace 0000000000000000 ]---");
	if (count >= PREEMPT_IRQ_UNIT)
		panic("Fatal exception in interrupt");
	if (t == NULL || !sched_running || t == sched_idle_thread(me))
		panic("Attempted to kill the idle task!");
	if (panic_on_oops)
		panic("Fatal exception");
	if (t->proc != NULL && thread_tid(t) == 1)
		panic("Attempted to kill init! exitcode=0x%08x", SIGNAL_KILL);
	if (count != 0)
		log_warn("note: %s[%d] exited with preempt_count %u", t->name, t->proc != NULL ? thread_tid(t) : 0, count);
	atomic_store(&oopsing, NOBODY);
	kill_current();
}
