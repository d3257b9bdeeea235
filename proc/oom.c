/* SPDX-License-Identifier: BSD-2-Clause */
/* What the out-of-memory killer (mm/oom.h) asks of processes. */
#include "proc/proc.h"

#include "mm/oom.h"

/* Has a thread of p been told to exit? */
static bool
is_dying(struct process *p)
{
	return READ_ONCE(p->group_exit) || atomic_load_relaxed(&p->nr_live) == 0;
}

static bool
next(pid_t after, struct oom_candidate *out)
{
	struct process *p;
	struct thread *leader;
	struct aspace *as;
	s64 pages;

	for (pid_t nr = after; (p = process_next_get(nr + 1, &nr)) != NULL; process_put(p)) {
		if (is_init(p))
			continue;
		as = process_aspace_get(p);
		if (as == NULL)
			continue;
		pages = as->rss_anon + as->rss_file + as->rss_shmem;
		aspace_put_user(as);
		*out = (struct oom_candidate){ .process = p, .pid = nr, .pages = (u64)MAX(pages, (s64)0),
			.score_adj = p->oom_score_adj, .dying = is_dying(p) };
		leader = process_leader_get(p);
		if (leader != NULL) {
			strlcpy(out->name, leader->name, sizeof(out->name));
			thread_put(leader);
		}
		return true;
	}
	return false;
}

/* Others that share the space hold the memory too: they go along, as on Linux. */
static void
kill_victim(struct oom_candidate *c)
{
	struct process *victim = c->process, *p;
	struct aspace *as = process_aspace_get(victim);
	u64 irq;

	(void)signal_send_process(victim, SIGKILL, NULL);
	if (as == NULL)
		return;
	irq = proctree_lock_irq();
	list_for_each(p, &process_list, all_node)
		if (p != victim && !is_init(p) && READ_ONCE(p->as) == as)
			(void)signal_send_process(p, SIGKILL, NULL);
	proctree_unlock_irq(irq);
	aspace_put_user(as);
}

static void
put(struct oom_candidate *c)
{
	process_put(c->process);
}

static const struct oom_ops ops = { .next = next, .kill = kill_victim, .put = put };

void
proc_oom_init(void)
{
	oom_register(&ops);
}
