/* SPDX-License-Identifier: BSD-2-Clause */
/* Restart, halt, power-off (sys/reboot.h). */
#include "arch/smp.h"
#include "arch/trap.h"
#include "sys/log.h"
#include "sys/mutex.h"
#include "sys/pid.h"
#include "sys/preempt.h"
#include "sys/reboot.h"
#include "sys/signal.h"
#include "sys/work.h"

static struct mutex steps_lock = MUTEX_INIT(steps_lock, LOCK_DEVICE);
static struct reboot_step *steps;	/* [steps_lock] last registered first */
static u32 ending;			/* [a] */

void
reboot_register(struct reboot_step *step)
{
	mutex_lock(&steps_lock);
	step->next = steps;
	steps = step;
	mutex_unlock(&steps_lock);
}

bool ctrl_alt_del_reboots = true;

static void
restart_work(struct work *w)
{
	machine_end(MACHINE_RESTART);
}

void
ctrl_alt_del(void)
{
	static struct work work = { .func = restart_work };
	struct pid *init;

	if (atomic_load(&ctrl_alt_del_reboots)) {
		work_queue(&work);
		return;
	}
	init = pid_find_get(1);
	if (init != NULL)
		signal_send_pid(init, SIGINT, NULL);
	pid_put(init);
}

void
machine_restart_now(void)
{
	arch_reboot();
}

void
machine_end(enum machine_end how)
{
	static const char *const words[] = { "Restarting system", "System halted", "Power down" };

	if (!atomic_xchg(&ending, 1u))
		for (struct reboot_step *s = steps; s != NULL; s = s->next)
			s->fn(how);
	log_emerg("reboot: %s", words[how]);
	preempt_disable();
	arch_stop_other_cpus();
	switch (how) {
	case MACHINE_RESTART:
		arch_reboot();
	case MACHINE_POWEROFF:
		arch_poweroff();
	default:
		arch_halt();
	}
}
