/* SPDX-License-Identifier: BSD-2-Clause */
/* /proc/PID/stat, status, limits, io, schedstat: what ps and top read. Formats: proc(5). */
#include "proc/procfs/procfs.h"

#include "dev/tty/tty.h"
#include "fs/fdtable.h"
#include "proc/proc.h"
#include "proc/ptrace.h"
#include "sys/abi/errno.h"
#include "sys/abi/wait.h"
#include "sys/lib/string.h"

/* Everything that is read under the signal lock, in one go. */
struct signal_view {
	u64 pending, shared, blocked, ignored, caught;
	u32 queued;
	struct tty *tty;	/* reference or NULL */
};

static u32
queue_length(const struct sigpending *sp)
{
	struct sigqueue *q;
	u32 n = 0;

	list_for_each(q, (struct list *)&sp->queue, node)
		n++;
	return n;
}

static void
view_signals(struct thread *t, struct signal_view *v)
{
	struct sighand *sh;
	u64 irq;

	memset(v, 0, sizeof(*v));
	sh = sighand_lock(t->proc, &irq);
	v->pending = t->pt->pending.set;
	v->shared = t->proc->shared_pending.set;
	v->blocked = t->pt->blocked;
	v->queued = queue_length(&t->pt->pending) + queue_length(&t->proc->shared_pending);
	for (u32 i = 0; i < ARRAY_SIZE(sh->action); i++) {
		if (sh->action[i].handler == (u64)SIG_IGN)
			v->ignored |= 1UL << i;
		else if (sh->action[i].handler != (u64)SIG_DFL)
			v->caught |= 1UL << i;
	}
	v->tty = t->proc->tty;
	if (v->tty != NULL)
		tty_get(v->tty);
	sighand_unlock(sh, irq);
}

/* The letter of ps, and its word. A leader that ended before its threads is a zombie too. */
static char
state_letter(struct thread *t, const char **word)
{
	static const struct { char letter; const char *word; } states[] = {
		[THREAD_RUNNING] = { 'R', "running" }, [THREAD_INTERRUPTIBLE] = { 'S', "sleeping" },
		[THREAD_KILLABLE] = { 'D', "disk sleep" }, [THREAD_UNINTERRUPTIBLE] = { 'D', "disk sleep" },
		[THREAD_STOPPED] = { 'T', "stopped" }, [THREAD_TRACED] = { 't', "tracing stop" },
		[THREAD_NEW] = { 'R', "running" }, [THREAD_DEAD] = { 'X', "dead" },
	};
	u32 s = READ_ONCE(t->pt->dead) ? THREAD_DEAD : atomic_load_relaxed(&t->state);

	if (s != THREAD_DEAD && (READ_ONCE(t->pt->trap) & TRAP_IN) != 0)
		s = THREAD_TRACED;	/* its tracer has heard of it: it is just falling asleep */
	if (s == THREAD_DEAD) {
		*word = "zombie";
		return 'Z';
	}
	*word = states[s].word;
	return states[s].letter;
}

static pid_t
parent_nr(struct process *p)
{
	struct process *parent = process_parent_get(p);
	pid_t nr = parent != NULL ? process_pid(parent) : 0;

	process_put(parent);
	return nr;
}

static pid_t
id_nr(struct process *p, enum pid_type type)
{
	struct pid *pid = process_pid_get(p, type);
	pid_t nr = pid_nr(pid);

	pid_put(pid);
	return nr;
}

static s64
rss_pages(const struct aspace *as)
{
	return READ_ONCE(as->rss_anon) + READ_ONCE(as->rss_file) + READ_ONCE(as->rss_shmem);
}

/* Fields 4 to 8: family and terminal. */
static void
stat_family(struct process *p, struct tty *tty, struct strbuf *out)
{
	struct pid *pgrp = tty != NULL ? tty_pgrp_get(tty) : NULL;

	strbuf_printf(out, " %d %d %d %u %d", parent_nr(p), id_nr(p, PID_PGID), id_nr(p, PID_SID),
		tty != NULL ? (u32)tty_device(tty) : 0, tty != NULL && pgrp != NULL ? pid_nr(pgrp) : -1);
	pid_put(pgrp);
}

/* Fields 9 to 22: faults, times, priorities. */
static void
stat_usage(struct thread *t, bool whole, struct strbuf *out)
{
	struct process *p = t->proc;
	struct proc_usage u;
	nsec_t user, sys;

	process_usage(p, &u);
	user = u.utime;
	sys = u.stime;
	if (!whole)
		thread_times(t, &user, &sys);
	strbuf_printf(out, " %u %lu %lu %lu %lu %lu %lu %lu %lu %d %d %u 0 %lu", 0x400000u, u.minflt, p->children_usage.minflt,
		u.majflt, p->children_usage.majflt, nsec_to_ticks(user), nsec_to_ticks(sys),
		nsec_to_ticks(p->children_usage.utime), nsec_to_ticks(p->children_usage.stime), sched_stat_prio(t), t->nice,
		READ_ONCE(p->nr_threads), nsec_to_ticks(t->start_time));
}

/* Fields 23 to 30, and 45 to 51 later: memory. Addresses only for who may look. */
static void
stat_memory(const struct aspace *as, bool look, u64 rsslim, struct strbuf *out)
{
	if (as == NULL) {
		strbuf_printf(out, " 0 0 %lu 0 0 0 0 0", rsslim);
		return;
	}
	strbuf_printf(out, " %lu %ld %lu %lu %lu %lu 0 0", READ_ONCE(as->total_pages) * PAGE_SIZE, rss_pages(as), rsslim,
		look ? as->code_start : 1, look ? as->code_end : 1, look ? as->stack_start : 0);
}

int
proc_show_stat(const struct proc_object *o, struct strbuf *out)
{
	struct thread *t = proc_object_thread(o);
	struct signal_view v;
	struct aspace *as;
	const char *word;
	bool look;
	char letter;

	if (t == NULL)
		return -ESRCH;
	view_signals(t, &v);
	as = process_aspace_get(t->proc);
	look = process_may_inspect(t) == 0;
	letter = state_letter(t, &word);
	strbuf_printf(out, "%d (%.*s) %c", pid_nr(o->pid), THREAD_NAME_MAX, t->name, letter);
	stat_family(t->proc, v.tty, out);
	stat_usage(t, t == READ_ONCE(t->proc->leader), out);
	stat_memory(as, look, process_rlimit(t->proc, RLIMIT_RSS), out);
	strbuf_printf(out, " %lu %lu %lu %lu 0 0 0 %d %u %u %u 0 0 0", v.pending & 0x7fffffff, v.blocked & 0x7fffffff,
		v.ignored & 0x7fffffff, v.caught & 0x7fffffff, t->proc->exit_signal, READ_ONCE(t->cpu), t->rt_prio, t->policy);
	if (as != NULL && look)
		strbuf_printf(out, " %lu %lu %lu %lu %lu %lu %lu", as->data_start, as->data_end, as->brk_start, as->arg_start,
			as->arg_end, as->env_start, as->env_end);
	else
		strbuf_puts(out, " 0 0 0 0 0 0 0");
	strbuf_printf(out, " %d\n", look && letter == 'Z' ? READ_ONCE(t->proc->exit_code) : 0);
	if (as != NULL)
		aspace_put_user(as);
	if (v.tty != NULL)
		tty_put(v.tty);
	thread_put(t);
	return 0;
}

/* --- status --- */

static void
status_ids(struct thread *t, struct strbuf *out)
{
	const struct cred *c = thread_cred_get(t);
	struct files *files = thread_files_get(t);

	strbuf_printf(out, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\nFDSize:\t%u\nGroups:\t", c->uid.val, c->euid.val, c->suid.val,
		c->fsuid.val, c->gid.val, c->egid.val, c->sgid.val, c->fsgid.val, files != NULL ? files_size(files) : 0);
	for (u32 i = 0; c->groups != NULL && i < c->groups->count; i++)
		strbuf_printf(out, "%u ", c->groups->gid[i].val);
	strbuf_putc(out, '\n');
	if (files != NULL)
		files_put(files);
	cred_put(c);
}

static void
status_memory(struct thread *t, struct strbuf *out)
{
	struct aspace *as = process_aspace_get(t->proc);
	u64 exec, kib = PAGE_SIZE / 1024;

	if (as == NULL)
		return;
	exec = (as->code_end - as->code_start + PAGE_SIZE - 1) / PAGE_SIZE;
	strbuf_printf(out, "VmPeak:\t%8lu kB\nVmSize:\t%8lu kB\nVmLck:\t%8lu kB\nVmPin:\t%8lu kB\nVmHWM:\t%8lu kB\nVmRSS:\t%8lu kB\n",
		MAX(as->hiwater_vm, as->total_pages) * kib, as->total_pages * kib, as->locked_pages * kib, 0UL,
		MAX(as->hiwater_rss, (u64)rss_pages(as)) * kib, (u64)rss_pages(as) * kib);
	strbuf_printf(out, "RssAnon:\t%8ld kB\nRssFile:\t%8ld kB\nRssShmem:\t%8ld kB\n", as->rss_anon * (s64)kib,
		as->rss_file * (s64)kib, as->rss_shmem * (s64)kib);
	strbuf_printf(out, "VmData:\t%8lu kB\nVmStk:\t%8lu kB\nVmExe:\t%8lu kB\nVmLib:\t%8lu kB\nVmSwap:\t%8lu kB\n", as->data_pages * kib,
		as->stack_pages * kib, exec * kib, (as->exec_pages > exec ? as->exec_pages - exec : 0) * kib, 0UL);
	aspace_put_user(as);
}

static void
status_signals(struct thread *t, struct strbuf *out)
{
	struct signal_view v;

	view_signals(t, &v);
	strbuf_printf(out, "Threads:\t%u\nSigQ:\t%u/%lu\nSigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\nSigIgn:\t%016lx\nSigCgt:\t%016lx\n",
		READ_ONCE(t->proc->nr_threads), v.queued, process_rlimit(t->proc, RLIMIT_SIGPENDING), v.pending, v.shared, v.blocked,
		v.ignored, v.caught);
	if (v.tty != NULL)
		tty_put(v.tty);
}

static void
status_caps(struct thread *t, struct strbuf *out)
{
	const struct cred *c = thread_cred_get(t);

	strbuf_printf(out, "CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\nCapBnd:\t%016lx\nCapAmb:\t%016lx\nNoNewPrivs:\t%d\n",
		c->cap_inheritable, c->cap_permitted, c->cap_effective, c->cap_bounding, c->cap_ambient, c->no_new_privs);
	cred_put(c);
}

/* "0-3,5" */
static void
cpu_list(u64 mask, struct strbuf *out)
{
	const char *sep = "";

	for (u32 i = 0; i < 64; i++) {
		u32 first = i;

		if (!(mask & BIT(i)))
			continue;
		while (i < 63 && (mask & BIT(i + 1)))
			i++;
		strbuf_printf(out, first == i ? "%s%u" : "%s%u-%u", sep, first, i);
		sep = ",";
	}
	strbuf_putc(out, '\n');
}

int
proc_show_status(const struct proc_object *o, struct strbuf *out)
{
	struct thread *t = proc_object_thread(o);
	struct fsctx *ctx;
	const char *word;
	char letter;
	u64 cpus;

	if (t == NULL)
		return -ESRCH;
	letter = state_letter(t, &word);
	ctx = thread_fsctx_get(t);
	strbuf_printf(out, "Name:\t%.*s\n", THREAD_NAME_MAX, t->name);
	if (ctx != NULL) {
		strbuf_printf(out, "Umask:\t%04o\n", READ_ONCE(ctx->umask));
		fsctx_put(ctx);
	}
	strbuf_printf(out, "State:\t%c (%s)\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t%d\n", letter, word, process_pid(t->proc),
		pid_nr(o->pid), parent_nr(t->proc), ptrace_tracer_nr(t));
	status_ids(t, out);
	status_memory(t, out);
	status_signals(t, out);
	status_caps(t, out);
	cpus = t->affinity & (cpu_count < 64 ? BIT(cpu_count) - 1 : ~0UL);
	strbuf_printf(out, "Cpus_allowed:\t%lx\nCpus_allowed_list:\t", cpus);
	cpu_list(cpus, out);
	strbuf_printf(out, "voluntary_ctxt_switches:\t%lu\nnonvoluntary_ctxt_switches:\t%lu\n", t->nvcsw, t->nivcsw);
	thread_put(t);
	return 0;
}

/* --- limits --- */

static void
limit_value(u64 v, struct strbuf *out)
{
	if (v == RLIM_INFINITY)
		strbuf_printf(out, "%-20s ", "unlimited");
	else
		strbuf_printf(out, "%-20lu ", v);
}

int
proc_show_limits(const struct proc_object *o, struct strbuf *out)
{
	static const struct { const char *name, *unit; } rows[RLIM_NLIMITS] = {
		[RLIMIT_CPU] = { "Max cpu time", "seconds" }, [RLIMIT_FSIZE] = { "Max file size", "bytes" },
		[RLIMIT_DATA] = { "Max data size", "bytes" }, [RLIMIT_STACK] = { "Max stack size", "bytes" },
		[RLIMIT_CORE] = { "Max core file size", "bytes" }, [RLIMIT_RSS] = { "Max resident set", "bytes" },
		[RLIMIT_NPROC] = { "Max processes", "processes" }, [RLIMIT_NOFILE] = { "Max open files", "files" },
		[RLIMIT_MEMLOCK] = { "Max locked memory", "bytes" }, [RLIMIT_AS] = { "Max address space", "bytes" },
		[RLIMIT_LOCKS] = { "Max file locks", "locks" }, [RLIMIT_SIGPENDING] = { "Max pending signals", "signals" },
		[RLIMIT_MSGQUEUE] = { "Max msgqueue size", "bytes" }, [RLIMIT_NICE] = { "Max nice priority", "" },
		[RLIMIT_RTPRIO] = { "Max realtime priority", "" }, [RLIMIT_RTTIME] = { "Max realtime timeout", "us" },
	};
	struct abi_rlimit limits[RLIM_NLIMITS];
	struct thread *t = proc_object_thread(o);

	if (t == NULL)
		return -ESRCH;
	spin_lock(&t->proc->lock);
	memcpy(limits, t->proc->rlimits, sizeof(limits));
	spin_unlock(&t->proc->lock);
	thread_put(t);
	strbuf_printf(out, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (u32 i = 0; i < RLIM_NLIMITS; i++) {
		strbuf_printf(out, "%-25s ", rows[i].name);
		limit_value(limits[i].rlim_cur, out);
		limit_value(limits[i].rlim_max, out);
		strbuf_printf(out, "%-10s\n", rows[i].unit);
	}
	return 0;
}

int
proc_show_io(const struct proc_object *o, struct strbuf *out)
{
	struct thread *t = proc_object_thread(o);
	int err = 0;

	if (t == NULL)
		return -ESRCH;
	if (process_may_inspect(t) != 0)
		err = -EACCES;
	else
		strbuf_printf(out, "rchar: %lu\nwchar: %lu\nsyscr: %lu\nsyscw: %lu\nread_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n",
			t->pt->io_rchar, t->pt->io_wchar, t->pt->io_syscr, t->pt->io_syscw);
	thread_put(t);
	return err;
}

int
proc_show_schedstat(const struct proc_object *o, struct strbuf *out)
{
	struct thread *t = proc_object_thread(o);

	if (t == NULL)
		return -ESRCH;
	strbuf_printf(out, "%ld 0 %lu\n", thread_cpu_time(t), t->nvcsw + t->nivcsw);
	thread_put(t);
	return 0;
}
