/* SPDX-License-Identifier: BSD-2-Clause */
/* SysRq keys (sys/sysrq.h). */
#include "arch/trap.h"
#include "sys/lib/bitmap.h"
#include "sys/lib/printf.h"
#include "sys/log.h"
#include "sys/panic.h"
#include "sys/reboot.h"
#include "sys/sched.h"
#include "sys/sysrq.h"
#include "sys/timer.h"
#include "sys/work.h"

#define HELP_SIZE	400

static void power_off(void) { machine_end(MACHINE_POWEROFF); }
static void backtrace_all(void) { arch_backtrace(~0UL); }
static void crash(void) { panic("sysrq triggered crash"); }
static void show_state(void);
static void show_blocked(void);
static void show_regs(void);
static void show_timers(void);

static const struct sysrq_key own_keys[] = {
	{ "reboot(b)", "Resetting", machine_restart_now, SYSRQ_BOOT, false },
	{ "crash(c)", "Trigger a crash", crash, SYSRQ_DUMP, false },
	{ "show-backtrace-all-active-cpus(l)", "Show backtrace of all active CPUs", backtrace_all, SYSRQ_DUMP, false },
	{ "poweroff(o)", "Power Off", power_off, SYSRQ_BOOT, true },
	{ "show-registers(p)", "Show Regs", show_regs, SYSRQ_DUMP, false },
	{ "show-all-timers(q)", "Show timers", show_timers, SYSRQ_DUMP, false },
	{ "show-task-states(t)", "Show State", show_state, SYSRQ_DUMP, false },
	{ "show-blocked-tasks(w)", "Show Blocked State", show_blocked, SYSRQ_DUMP, false },
};

static const struct sysrq_key *keys[128] = {	/* [I] after boot */
	['b'] = &own_keys[0], ['c'] = &own_keys[1], ['l'] = &own_keys[2], ['o'] = &own_keys[3], ['p'] = &own_keys[4],
	['q'] = &own_keys[5], ['t'] = &own_keys[6], ['w'] = &own_keys[7],
};

int sysrq_enabled = 1;

/* --- keys whose work sleeps --- */

static BITMAP_DECLARE(pending, ARRAY_SIZE(keys));	/* [a] what the worker shall do */

static void
run_pending(struct work *w)
{
	for (u32 c = 0; c < ARRAY_SIZE(keys); c++)
		if (bitmap_test_and_clear_atomic(pending, c))
			keys[c]->fn();
}

static struct work work = { .func = run_pending };

void
sysrq_register(char c, const struct sysrq_key *key)
{
	keys[(u8)c & 127] = key;
}

/* --- what they show --- */

static const char *
state_letter(u32 state)
{
	static const char *const letters[] = { "R (running)", "S (sleeping)", "D (killable)", "D (disk sleep)", "T (stopped)",
		"t (tracing stop)", "N (new)", "X (dead)" };

	return state < ARRAY_SIZE(letters) ? letters[state] : "?";
}

static void
show_thread(struct thread *t, void *only_blocked)
{
	u32 state = atomic_load_relaxed(&t->state);

	if (only_blocked != NULL && state != THREAD_UNINTERRUPTIBLE && state != THREAD_KILLABLE)
		return;
	log_info("task:%-15s state:%s cpu:%u pid:%d prio:%d time:%ld ms switches:%lu+%lu", t->name, state_letter(state), t->cpu,
		t->proc != NULL ? thread_tid(t) : 0, sched_stat_prio(t), t->se.sum_exec / NSEC_PER_MSEC, t->nvcsw, t->nivcsw);
	if (!atomic_load(&t->on_cpu))
		trace_print_thread(t, LOG_INFO);
}

static void
show_state(void)
{
	thread_for_each(show_thread, NULL);
}

static void
show_blocked(void)
{
	thread_for_each(show_thread, keys);
}

static void
show_regs(void)
{
	struct cpu_times ct;

	arch_print_interrupted();
	trace_print(LOG_INFO);
	for_each_cpu(cpu) {
		sched_cpu_times(cpu, &ct);
		log_info("cpu%u: user %ld ms, system %ld ms, idle %ld ms, switches %lu", cpu, ct.user / NSEC_PER_MSEC,
			ct.system / NSEC_PER_MSEC, ct.idle / NSEC_PER_MSEC, ct.switches);
	}
}

static void
show_timers(void)
{
	for_each_cpu(cpu)
		timer_show(cpu);
}

/* --- keys --- */

static void
help(void)
{
	char line[HELP_SIZE];
	struct strbuf sb;

	strbuf_init(&sb, line, sizeof(line));
	for (u32 i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i] != NULL)
			strbuf_printf(&sb, " %s", keys[i]->help);
	log_notice("sysrq: HELP : loglevel(0-9)%s", line);
}

static void
handle(char c, int allowed)
{
	bool digit = c >= '0' && c <= '9';
	const struct sysrq_key *key = keys[(u8)c & 127];
	u16 group = digit ? SYSRQ_LOG : key != NULL ? key->group : 0;

	if (group == 0) {
		help();
	} else if (allowed != 1 && !(allowed & group)) {
		log_notice("sysrq: This sysrq operation is disabled.");
	} else if (digit) {
		log_console_level = c - '0';
		log_emerg("sysrq: Loglevel set to %d", c - '0');
	} else {
		log_notice("sysrq: %s", key->action);
		if (!key->sleeps) {
			key->fn();
		} else {
			(void)bitmap_test_and_set_atomic(pending, (u8)c & 127);
			work_queue(&work);
		}
	}
}

void
sysrq_handle(char c)
{
	handle(c, 1);
}

void
sysrq_press(char c)
{
	int allowed = READ_ONCE(sysrq_enabled);

	if (allowed != 0)
		handle(c, allowed);
}
