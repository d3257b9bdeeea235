/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * execve(2): the course of it.
 *
 *	collect the strings; open the file; while it is a #! script, open its interpreter      errors go to the caller
 *	check the ELF headers; compute credentials
 *	--- point of no return: the other threads end ---                                      errors kill the process
 *	make the new address space, take it, let the old one go
 *	signals, descriptors, timers, name, credentials
 */
#include "proc/exec.h"
#include "proc/ptrace.h"

#include "arch/thread.h"
#include "fs/fdtable.h"
#include "sys/lib/printf.h"
#include "sys/abi/prctl.h"

#define SCRIPT_DEPTH	5	/* interpreters that are scripts themselves */

/* --- scripts --- */

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

/* First character in [s, end) that is not blank, or NULL. */
static char *
skip_blanks(char *s, char *end)
{
	for (; s < end; s++)
		if (!is_blank(*s))
			return s;
	return NULL;
}

/* First blank or NUL in [s, end), or NULL. */
static char *
find_terminator(char *s, char *end)
{
	for (; s < end; s++)
		if (is_blank(*s) || *s == '\0')
			return s;
	return NULL;
}

/*
 * Split the #! line in head: interpreter and (NULL: none) the one argument, both terminated in place. -ENOEXEC: empty, or the
 * interpreter's name doesn't end within the line that was read (a cut-off argument is passed on cut).
 */
static int
parse_script(char *head, char **interp, char **arg)
{
	char *last = head + EXEC_HEAD_SIZE - 1, *end, *sep;

	end = memchr(head, '\n', EXEC_HEAD_SIZE);
	if (end == NULL) {
		end = skip_blanks(head + 2, last);
		if (end == NULL || find_terminator(end, last) == NULL)
			return -ENOEXEC;
		end = last;
	}
	while (end > head && is_blank(end[-1]))
		end--;
	*interp = skip_blanks(head + 2, end);
	if (*interp == NULL)
		return -ENOEXEC;
	sep = find_terminator(*interp, end);
	*arg = sep != NULL && *sep != '\0' ? skip_blanks(sep, end) : NULL;
	*end = '\0';
	if (sep != NULL)
		*sep = '\0';
	return 0;
}

/* e->file is a script whose name is `name`: put its interpreter in its place, and the words into the arguments. */
static int
enter_interpreter(struct exec *e, const char *name, char **interp_name)
{
	struct file *file;
	char *interp, *arg;
	int err;

	if (e->by_fd_cloexec)
		return -ENOENT;		/* the interpreter could not open it */
	err = parse_script(e->head, &interp, &arg);
	if (err == 0)
		err = exec_args_pop(&e->args);
	if (err == 0)
		err = exec_args_push(&e->args, name);
	if (err == 0 && arg != NULL) {
		e->args.argc++;
		err = exec_args_push(&e->args, arg);
	}
	if (err == 0)
		err = exec_args_push(&e->args, interp);
	if (err != 0)
		return err;
	e->args.argc += 2;
	kmem_free(*interp_name);
	*interp_name = kmem_strdup(interp, KM_USER);
	if (*interp_name == NULL)
		return -ENOMEM;
	err = file_open_exec(AT_FDCWD, *interp_name, LOOKUP_FOLLOW | LOOKUP_EMPTY, &file);
	if (err != 0)
		return err;
	file_allow_write(e->file);
	file_put(e->file);
	e->file = file;
	return 0;
}

static int
read_head(struct exec *e)
{
	off_t pos = 0;
	ssize_t n;

	memset(e->head, 0, sizeof(e->head));
	n = file_read_kernel(e->file, e->head, sizeof(e->head), &pos);
	return n < 0 ? (int)n : 0;
}

/* Until e->file is a binary. */
static int
resolve_scripts(struct exec *e)
{
	char *name = kmem_strdup(e->filename, KM_USER);
	int err = name == NULL ? -ENOMEM : 0;

	for (int depth = 0; err == 0; depth++) {
		err = depth > SCRIPT_DEPTH ? -ELOOP : read_head(e);
		if (err != 0 || e->head[0] != '#' || e->head[1] != '!')
			break;
		err = enter_interpreter(e, name, &name);
	}
	kmem_free(name);
	return err;
}

/* --- alone in the process --- */

/* The others are gone; where the current thread isn't the leader, that one is left, dead. */
static bool
is_alone(const struct process *p, const struct thread *t)
{
	return READ_ONCE(p->nr_threads) == 1 || (READ_ONCE(p->nr_threads) == 2 && p->leader != t && READ_ONCE(p->leader->pt->dead));
}

/* The current thread takes the dead leader's place: its number, its place in group and session. */
static void
become_leader(struct process *p, struct proc_thread *pt)
{
	struct proc_thread *old;
	struct sighand *sh;
	struct pid *tid;
	u64 irq, irq2;

	irq = proctree_lock_irq();
	sh = sighand_lock(p, &irq2);
	old = p->leader->pt;
	for (int type = PID_TGID; type < PID_TYPES; type++) {
		pid_attach(p->pids[type], type, pt);
		pid_detach(p->pids[type], type, old);
	}
	tid = pt->tid;
	hlist_del_rcu(&pt->pid_node[PID_TID]);
	hlist_del_rcu(&old->pid_node[PID_TID]);
	pt->tid = old->tid;
	old->tid = tid;
	pid_attach(pt->tid, PID_TID, pt);
	pid_attach(tid, PID_TID, old);
	p->leader = pt->thread;
	process_unlink_thread(p, old);
	sighand_unlock(sh, irq2);
	proctree_unlock_irq(irq);
}

/* All other threads exit. -EAGAIN: the process is about to exit itself, or another thread is at it. */
static int
end_other_threads(void)
{
	struct proc_thread *pt = pt_current(), *i;
	struct process *p = pt->proc;
	struct sighand *sh;
	u64 irq;
	int err;

	sh = sighand_lock(p, &irq);
	if (p->group_exit || p->group_exec_thread != NULL) {
		sighand_unlock(sh, irq);
		return -EAGAIN;
	}
	p->group_exec_thread = pt->thread;
	p->stop_count = 0;
	process_for_each_thread(i, p) {
		i->stop_pending = i->stop_counted = false;
		if (i == pt || i->exiting)
			continue;
		i->stopped = false;
		signal_wake(i->thread, TW_SIGNAL | TW_EXIT);
	}
	sighand_unlock(sh, irq);
	err = wait_event_killable(&p->exec_wq, is_alone(p, pt->thread));
	if (err == 0 && p->leader != pt->thread)
		become_leader(p, pt);
	sh = sighand_lock(p, &irq);
	p->group_exec_thread = NULL;
	sighand_unlock(sh, irq);
	if (err != 0)
		return -EAGAIN;
	irq = proctree_lock_irq();
	p->exit_signal = SIGCHLD;
	proctree_unlock_irq(irq);
	return 0;
}

/* CLONE_SIGHAND without CLONE_THREAD: handlers of its own. */
static int
unshare_handlers(struct process *p)
{
	struct sighand *old = p->sighand, *new;
	u64 irq;

	if (refcount_read(&old->refs) == 1)
		return 0;
	new = sighand_create(NULL);
	if (new == NULL)
		return -ENOMEM;
	irq = spin_lock_irqsave(&old->lock);
	memcpy(new->action, old->action, sizeof(new->action));
	rcu_assign(p->sighand, new);
	spin_unlock_irqrestore(&old->lock, irq);
	thread_current()->sighand = new;
	sighand_put(old);
	return 0;
}

/* --- the new program --- */

/* e->as becomes the process's space; the old one is let go, and a parent in vfork goes on. */
static void
take_aspace(struct exec *e)
{
	struct thread *t = thread_current();
	struct process *p = t->proc;
	struct aspace *old = t->as, *as = e->as;
	struct proc_usage u;
	struct sighand *sh;
	u64 irq, irq2;

	if (old != NULL)
		proc_thread_release_user(t->pt);
	file_get(e->file);
	as->exe = e->file;
	irq = spin_lock_irqsave(&p->lock);
	t->as = as;
	p->as = as;
	spin_unlock_irqrestore(&p->lock, irq);
	e->as = NULL;
	aspace_activate(as);
	spin_lock(&t->pt->pi_lock);
	t->pt->pi_exited = false;	/* futex_exit() closed the list for the old space's locks */
	spin_unlock(&t->pt->pi_lock);
	if (old == NULL)
		return;
	u = (struct proc_usage){ .minflt = old->minflt, .majflt = old->majflt, .maxrss = proc_maxrss(old) };
	irq = proctree_lock_irq();
	sh = sighand_lock(p, &irq2);
	proc_usage_add(&p->dead_threads, &u);
	sighand_unlock(sh, irq2);
	proctree_unlock_irq(irq);
	aspace_put_user(old);
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* What a program does not take over into the next one. Nothing here fails. */
static void
reset_attributes(struct exec *e)
{
	struct thread *t = thread_current();
	struct proc_thread *pt = t->pt;
	struct process *p = t->proc;
	u64 irq;

	posix_timers_exit(p);
	signal_exec_reset(p);
	pt->restart.fn = NULL;
	pt->robust_list = 0;
	rseq_forget(t);
	pt->set_child_tid = 0;
	pt->timer_slack = pt->default_timer_slack;
	files_close_on_exec();
	strlcpy(t->name, base_name(e->filename), sizeof(t->name));
	if (e->ids_changed)
		p->personality &= ~(u32)PER_CLEAR_ON_SETID;
	if (e->secure) {
		pt->pdeath_signal = 0;
		irq = spin_lock_irqsave(&p->lock);
		p->rlimits[RLIMIT_STACK].rlim_cur = MIN(p->rlimits[RLIMIT_STACK].rlim_cur, 8 * MIB);
		spin_unlock_irqrestore(&p->lock, irq);
	}
	p->dumpable = uid_eq(e->cred->euid, e->cred->uid) && gid_eq(e->cred->egid, e->cred->gid) ? 1 : (u8)READ_ONCE(suid_dumpable);
	atomic_store_relaxed(&p->did_exec, true);
	cred_commit_user(e->cred);
	e->cred = NULL;
}

static int
point_of_no_return(struct exec *e)
{
	struct process *p = process_current();
	int err;

	err = files_unshare();
	if (err == 0)
		err = unshare_handlers(p);
	if (err == 0)
		err = aspace_create(&e->as);
	if (err != 0)
		return err;
	aspace_layout_random(e->as, exec_randomizes());
	err = elf_load(e);
	if (err != 0)
		return err;
	if (e->secure || e->ids_changed)
		WRITE_ONCE(p->dumpable, false);		/* before anybody can see the space */
	take_aspace(e);
	reset_attributes(e);
	arch_thread_exec(e->entry, e->stack);
	return 0;
}

/* Do other processes share root and working directory? Then they could mislead a privileged program. */
static bool
fs_is_shared(void)
{
	struct thread *t = thread_current();
	struct proc_thread *i;
	s32 own = 0;
	u64 irq;
	struct sighand *sh = sighand_lock(t->proc, &irq);

	process_for_each_thread(i, t->proc)
		own += i->thread->fsctx == t->fsctx;
	sighand_unlock(sh, irq);
	return refcount_read(&t->fsctx->refs) > own;
}

/* The old program is half taken apart: it ends, as by an unhandled fault, on its way to user mode. */
static void
kill_self(void)
{
	struct process *p = process_current();
	u64 irq;
	struct sighand *sh = sighand_lock(p, &irq);

	if (!p->group_exit)
		signal_group_kill_locked(p, SIGSEGV);
	sighand_unlock(sh, irq);
}

/* The arguments are collected. 0: the current thread is the new program; else -errno, or it has been killed. */
static int
exec_file(struct exec *e, int dfd, const char *path, int lookup)
{
	struct file *file;
	int err;

	err = file_open_exec(dfd, path, lookup, &file);
	if (err != 0)
		return err;
	e->file = file;
	e->by_fd_cloexec = dfd != AT_FDCWD && path[0] != '/' && fd_get_cloexec(dfd) > 0;
	err = resolve_scripts(e);
	if (err == 0)
		err = elf_prepare(e);
	if (err != 0)
		return err;
	e->fs_shared = fs_is_shared();
	e->cred = cred_copy(cred_current());
	if (e->cred == NULL)
		return -ENOMEM;
	err = exec_cred_compute(e);
	if (err == 0)
		err = end_other_threads();
	if (err != 0)
		return err;
	err = point_of_no_return(e);
	if (err != 0 && thread_current()->as != NULL)	/* not at boot: there the next init can be tried */
		kill_self();
	return err;
}

static void
exec_free(struct exec *e)
{
	elf_free(e);
	exec_args_free(&e->args);
	if (e->as != NULL)
		aspace_put_user(e->as);
	if (e->cred != NULL)
		cred_put(e->cred);
	if (e->file != NULL)
		file_put(e->file);
	kmem_free(e->filename);
	kmem_free(e);
}

/* "path", or "/dev/fd/N", "/dev/fd/N/path" for what is relative to a descriptor. */
static char *
exec_filename(int dfd, const char *path)
{
	char *name;
	size_t size;

	if (dfd == AT_FDCWD || path[0] == '/')
		return kmem_strdup(path, KM_USER);
	size = strlen(path) + 24;
	name = kmem_alloc(size, KM_USER);
	if (name != NULL)
		snprintf(name, size, path[0] == '\0' ? "/dev/fd/%d" : "/dev/fd/%d/%s", dfd, path);
	return name;
}

/* A setuid(2) went over RLIMIT_NPROC: the place to fail is here, where programs look. */
static int
check_process_limit(void)
{
	struct proc_thread *pt = pt_current();

	if (pt->nproc_exceeded && atomic_load_relaxed(&pt->user->nproc) > rlimit_current(RLIMIT_NPROC))
		return -EAGAIN;
	pt->nproc_exceeded = false;
	return 0;
}

static int
exec_path(int dfd, const char *path, int lookup, const struct exec_vectors *v)
{
	struct process *p = process_current();
	struct exec *e = kmem_alloc(sizeof(*e), KM_USER | KM_ZERO);
	pid_t tid = pid_nr(pt_current()->tid);
	int err;

	if (e == NULL)
		return -ENOMEM;
	e->filename = exec_filename(dfd, path);
	err = e->filename == NULL ? -ENOMEM : exec_args_init(&e->args, v);
	if (err == 0)
		err = exec_args_push(&e->args, e->filename);
	if (err == 0)
		err = exec_args_push_vectors(&e->args, v);
	if (err != 0)
		goto out_free;
	if (mutex_lock_interruptible(&p->exec_lock) != 0) {
		err = -ERESTARTNOINTR;
		goto out_free;
	}
	thread_current()->in_execve = true;
	err = exec_file(e, dfd, path, lookup);
	thread_current()->in_execve = false;
	mutex_unlock(&p->exec_lock);
out_free:
	exec_free(e);
	if (err == 0)
		ptrace_exec(tid);
	return err;
}

long
process_exec(int dfd, const char __user *upath, u64 argv, u64 envp, int flags)
{
	struct exec_vectors v = { .uargv = argv, .uenvp = envp };
	struct path_name name;
	int err, lookup = (flags & AT_SYMLINK_NOFOLLOW) != 0 ? 0 : LOOKUP_FOLLOW;

	if ((flags & AT_EMPTY_PATH) != 0)
		lookup |= LOOKUP_EMPTY;
	err = check_process_limit();
	if (err == 0)
		err = path_name_from_user(&name, upath, lookup);
	if (err != 0)
		return err;
	err = (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0 ? -EINVAL : exec_path(dfd, name.s, lookup, &v);
	path_name_free(&name);
	return err;
}

int
process_exec_kernel(const char *path, char *const argv[], char *const envp[])
{
	struct exec_vectors v = { .kargv = argv, .kenvp = envp };

	return exec_path(AT_FDCWD, path, LOOKUP_FOLLOW, &v);
}
