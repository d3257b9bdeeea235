/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scheduler: a run queue per CPU; real-time threads (FIFO, RR) before fair ones (virtual deadline, weights by nice)
 * before idle. Wake-up preemption, affinity, pull when a CPU goes idle.
 */
#ifndef SYS_SCHED_H
#define SYS_SCHED_H

#include "sys/thread.h"

void sched_init(void);		/* boot CPU: the boot stack becomes the idle thread of CPU 0 */
void sched_yield(void);
/* sched_setscheduler(2) and friends; permission is the caller's business. -EINVAL. */
int __must_check sched_set_policy(struct thread *t, int policy, int rt_prio, bool reset_on_fork);
int __must_check sched_set_nice(struct thread *t, int nice);
int __must_check sched_set_affinity(struct thread *t, u64 mask);	/* -EINVAL: no online CPU in it. May sleep */
nsec_t sched_rr_interval(const struct thread *t);
/* Effective priority in /proc/PID/stat's scale: 20+nice, or -1-rt_prio. */
int sched_stat_prio(const struct thread *t);
/* Priority inheritance (sys/mutex.c): t runs at this real-time priority at least; 0: its own. */
void sched_set_inherited(struct thread *t, u8 rt_prio);

/* /proc/stat and /proc/loadavg. */
struct cpu_times { nsec_t user, nice, system, idle, iowait, irq; u64 switches; };
void sched_cpu_times(u32 cpu, struct cpu_times *out);
u32 sched_nr_running(void);	/* runnable now, idle threads not counted */
u64 sched_total_switches(void);
void sched_loadavg(u64 avg[3]);	/* fixed point, 11 bits fraction */
u64 sched_total_forks(void);

extern bool sched_running;	/* [I] threads can sleep */

/* The idle thread of a secondary CPU, made by the boot CPU before it starts it. -ENOMEM. */
int __must_check sched_prepare_cpu(u32 cpu);
struct thread *sched_idle_thread(u32 cpu);
/* The end of kernel_main: the boot stack's thread idles. */
__noreturn void sched_become_idle(void);

#endif
