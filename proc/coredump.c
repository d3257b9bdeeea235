/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Core files: whether, under which name, and who waits. The dumping thread begins the group's exit; the others come to signal_exit_thread(),
 * find p->core_dumper, and wait there, switched away, with all their registers saved. SIGKILL ends the dump (signal.c).
 */
#include "proc/coredump.h"

#include "fs/path.h"
#include "fs/vnode.h"
#include "sys/lib/printf.h"
#include "sys/nsset.h"
#include "sys/abi/wait.h"

char core_pattern[CORE_PATTERN_MAX] = "core";
int core_uses_pid;

/* --- the other threads --- */

void
coredump_join(struct process *p)
{
	if (atomic_sub(&p->core_waiting, 1) == 0)
		waitq_wake_all(&p->exec_wq);
	wait_event(&p->exec_wq, READ_ONCE(p->core_dumper) == NULL);
}

/* The others have stopped, and left their CPUs. False: the process is ending in another way. */
static bool
stop_others(struct process *p, int sig)
{
	struct proc_thread *me = pt_current(), *i;
	struct sighand *sh;
	u64 irq;

	sh = sighand_lock(p, &irq);
	if (p->group_exit || p->group_exec_thread != NULL) {
		sighand_unlock(sh, irq);
		return false;
	}
	p->core_dumper = me->thread;
	p->core_waiting = 1;
	process_for_each_thread(i, p)
		if (i != me && !i->exiting)
			p->core_waiting++;
	signal_group_kill_locked(p, sig);
	thread_clear_work(me->thread, TW_EXIT | TW_SIGNAL);
	sighand_unlock(sh, irq);
	atomic_sub(&p->core_waiting, 1);
	wait_event(&p->exec_wq, atomic_load(&p->core_waiting) == 0);
	return true;
}

static void
let_others_go(struct process *p, bool dumped)
{
	u64 irq;
	struct sighand *sh = sighand_lock(p, &irq);

	if (dumped && p->group_exit_code != SIGKILL)	/* that came at the last moment */
		p->group_exit_code |= WSTATUS_CORE;
	WRITE_ONCE(p->core_dumper, NULL);
	sighand_unlock(sh, irq);
	waitq_wake_all(&p->exec_wq);
}

/* --- the name --- */

/* A word of the pattern must not leave its place in the path. */
static void
put_word(struct strbuf *out, const char *s, size_t max)
{
	for (size_t i = 0; i < max && s[i] != '\0'; i++)
		strbuf_putc(out, s[i] == '/' ? '!' : s[i]);
}

static void
put_specifier(struct strbuf *out, char c, int sig)
{
	struct process *p = process_current();
	struct thread *t = thread_current();
	char host[UTS_LEN + 1];

	switch (c) {
	case '%':
		strbuf_putc(out, '%');
		break;
	case 'p': case 'P':
		strbuf_printf(out, "%d", process_pid(p));
		break;
	case 'i': case 'I':
		strbuf_printf(out, "%d", thread_tid(t));
		break;
	case 'u':
		strbuf_printf(out, "%u", cred_current()->uid.val);
		break;
	case 'g':
		strbuf_printf(out, "%u", cred_current()->gid.val);
		break;
	case 'd':
		strbuf_printf(out, "%u", p->dumpable);
		break;
	case 's':
		strbuf_printf(out, "%d", sig);
		break;
	case 't':
		strbuf_printf(out, "%ld", clock_realtime() / NSEC_PER_SEC);
		break;
	case 'h':
		nsset_get_hostname(nsset_current(), host);
		put_word(out, host, sizeof(host));
		break;
	case 'e':
		put_word(out, t->name, THREAD_NAME_MAX);
		break;
	case 'c':
		strbuf_printf(out, "%lu", rlimit_current(RLIMIT_CORE));
		break;
	}
}

/* core(5), "Naming of core dump files". */
static void
make_name(struct strbuf *out, int sig)
{
	bool pid = false;
	const char *s = core_pattern;

	for (; s < core_pattern + sizeof(core_pattern) && *s != '\0'; s++) {
		if (*s != '%') {
			strbuf_putc(out, *s);
		} else if (*++s == '\0') {
			break;
		} else {
			pid |= *s == 'p';
			put_specifier(out, *s, sig);
		}
	}
	if (!pid && READ_ONCE(core_uses_pid) != 0)
		strbuf_printf(out, ".%d", process_pid(process_current()));
}

/* --- the file --- */

int
coredump_set_size(struct file *f, u64 size)
{
	struct path path = { f->mnt, f->dentry };

	return vnode_truncate(&path, (off_t)size, f, 0);
}

/* A new regular file of the user's: a link or another's file of that name is not followed or written over. */
static int
dump(int sig, const struct siginfo_k *info, u64 limit)
{
	char *name = kmem_alloc(PATH_MAX_K, KM_USER);
	struct strbuf sb;
	struct file *f;
	int err;

	if (name == NULL)
		return -ENOMEM;
	strbuf_init(&sb, name, PATH_MAX_K);
	make_name(&sb, sig);
	err = sb.overflow || name[0] == '\0' ? -ENAMETOOLONG : path_unlink(AT_FDCWD, name);	/* whatever was there, or not */
	if (err != -ENAMETOOLONG)
		err = file_open(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_LARGEFILE, 0600, &f);
	kmem_free(name);
	if (err != 0)
		return err;
	if (!S_ISREG(f->vn->mode) || f->vn->nlink != 1 || !uid_eq(f->vn->uid, cred_current()->fsuid))
		err = -EPERM;
	if (err == 0)
		err = coredump_write(f, sig, info, limit);
	file_put(f);
	return err;
}

void
coredump(int sig, const struct siginfo_k *info)
{
	struct process *p = process_current();
	u64 limit = process_rlimit(p, RLIMIT_CORE);
	int err;

	if (limit < PAGE_SIZE || READ_ONCE(p->dumpable) != 1 || !stop_others(p, sig))
		return;
	err = dump(sig, info, limit);
	if (err != 0)
		log_info("no core file of %s[%d]: error %d", thread_current()->name, process_pid(p), -err);
	let_others_go(p, err == 0);
}
