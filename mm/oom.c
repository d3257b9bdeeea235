/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The out-of-memory killer. The victim is the process with the most pages, after oom_score_adj in thousandths of memory is
 * added (proc_pid_oom_score_adj(5)). While a victim is on its way out nobody else is killed for a while: its memory
 * comes back soon.
 */
#include "mm/oom.h"

#include "mm/page.h"
#include "sys/clock.h"
#include "sys/log.h"
#include "sys/mutex.h"
#include "sys/rcu.h"
#include "sys/thread.h"
#include "sys/wait.h"

#define WAIT_FOR_VICTIM	(20 * NSEC_PER_MSEC)
#define PATIENCE	(2 * NSEC_PER_SEC)	/* then the next one goes */

static struct mutex oom_lock = MUTEX_INIT(oom_lock, LOCK_LEAF_SLEEP);
static const struct oom_ops *oom_ops;	/* [I] after boot */
static nsec_t last_kill;		/* [oom_lock] */

void
oom_register(const struct oom_ops *ops)
{
	oom_ops = ops;
}

static s64
badness(const struct oom_candidate *c, u64 total)
{
	return (s64)c->pages + (s64)c->score_adj * (s64)total / 1000;
}

/* The worst in *worst. dying: somebody is exiting already. */
static bool
choose(struct oom_candidate *worst, bool *dying)
{
	struct oom_candidate c;
	struct mem_stats st;
	bool found = false;

	*dying = false;
	mem_stats_get(&st);
	for (pid_t pid = 0; oom_ops->next(pid, &c);) {
		pid = c.pid;
		*dying |= c.dying;
		if (!c.dying && c.score_adj > -1000 && (!found || badness(&c, st.total) > badness(worst, st.total))) {
			if (found)
				oom_ops->put(worst);
			*worst = c;
			found = true;
			continue;
		}
		oom_ops->put(&c);
	}
	return found;
}

static void
pause_a_moment(void)
{
	thread_set_state(THREAD_KILLABLE);
	(void)thread_schedule_until(clock_now() + WAIT_FOR_VICTIM);
}

bool
oom_kill(const char *why)
{
	struct oom_candidate worst;
	bool found, dying;

	if (oom_ops == NULL)
		return false;
	if (thread_fatal_pending(thread_current()))
		return true;		/* the caller itself is the victim: it will exit */
	rcu_barrier();			/* of those that have exited much is only waiting to be freed */
	if (!page_memory_low())
		return true;
	mutex_lock(&oom_lock);
	found = choose(&worst, &dying);
	if (found && (!dying || clock_now() - last_kill > PATIENCE)) {
		log_err("Out of memory (%s): killed process %d (%s), %lu KiB resident, oom_score_adj %d", why, worst.pid,
			worst.name, worst.pages << (PAGE_SHIFT - 10), worst.score_adj);
		oom_ops->kill(&worst);
		last_kill = clock_now();
		dying = true;
	}
	if (found)
		oom_ops->put(&worst);
	mutex_unlock(&oom_lock);
	if (dying)
		pause_a_moment();
	return dying;
}
