/* SPDX-License-Identifier: BSD-2-Clause */
/* SysRq keys (sys/sysrq.h). */
#include "arch/trap.h"
#include "sys/log.h"
#include "sys/panic.h"
#include "sys/reboot.h"
#include "sys/sched.h"
#include "sys/sysrq.h"
#include "sys/work.h"

static void power_off(void) { machine_end(MACHINE_POWEROFF); }
static void crash(void) { panic("sysrq triggered crash"); }
static void show_state(void);
static void show_blocked(void);
static void show_regs(void) { trace_print(LOG_INFO); }
static void show_timers(void);

struct key { const char *name; void (*fn)(void); bool sleeps; };

static struct key keys[128] = {		/* [a] filled at boot, before anybody can press them */
	['b'] = { "reboot(b)", machine_restart_now, false },
	['c'] = { "crash(c)", crash, false },
	['l'] = { "show-backtrace-all-active-cpus(l)", arch_backtrace_all, false },
	['o'] = { "poweroff(o)", power_off, true },
	['p'] = { "show-registers(p)", show_regs, false },
	['q'] = { "show-all-timers(q)", show_timers, false },
	['t'] = { "show-task-states(t)", show_state, false },
	['w'] = { "show-blocked-tasks(w)", show_blocked, false },
};

int sysrq_enabled = 1;
static char pending;			/* [a] key that the worker shall handle */
static struct work work;

static void
run_pending(struct work *w)
{
	char key = (char)atomic_xchg(&pending, (char)0);

	if (key != 0)
		keys[(u8)key].fn();
}

void
sysrq_register(char key, const char *name, void (*fn)(void), bool sleeps)
{
	keys[(u8)key & 127] = (struct key){ name, fn, sleeps };
}

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
	thread_for_each(show_thread, &keys);
}

static void
show_timers(void)
{
	struct cpu_times ct;

	for_each_cpu(cpu) {
		sched_cpu_times(cpu, &ct);
		log_info("cpu%u: user %ld ms, system %ld ms, idle %ld ms, switches %lu", cpu, ct.user / NSEC_PER_MSEC,
			ct.system / NSEC_PER_MSEC, ct.idle / NSEC_PER_MSEC, ct.switches);
	}
}

static void
help(void)
{
	log_info("sysrq: HELP : loglevel(0-9)");
	for (u32 i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].fn != NULL)
			log_info("sysrq:   %s", keys[i].name);
}

void
sysrq_handle(char c)
{
	struct key *key = &keys[(u8)c & 127];

	if (c >= '0' && c <= '9') {
		log_console_level = c - '0';
		log_emerg("sysrq: Changing Loglevel, loglevel set to %d", c - '0');
		return;
	}
	if (key->fn == NULL) {
		help();
		return;
	}
	log_notice("sysrq: %s", key->name);
	if (!key->sleeps) {
		key->fn();
		return;
	}
	if (work.func == NULL)
		work_init(&work, run_pending);
	atomic_store(&pending, c);
	work_queue(&work);
}
