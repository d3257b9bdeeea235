/* SPDX-License-Identifier: BSD-2-Clause */
/* Files about a process's memory: cmdline, environ, auxv, maps, smaps, statm. */
#include "proc/procfs/procfs.h"

#include "proc/proc.h"
#include "sys/abi/errno.h"

#define STRINGS_MAX	(2 * MIB)	/* of arguments or environment that are shown */

struct aspace *
proc_object_aspace(const struct proc_object *o, int *err)
{
	struct thread *t = proc_object_thread(o);
	struct aspace *as = NULL;

	*err = -ESRCH;
	if (t == NULL)
		return NULL;
	/* First the space, then the question: an exec that raises privilege closes the process before it shows the new space. */
	as = process_aspace_get(t->proc);
	*err = process_may_inspect(t) != 0 ? -EACCES : 0;
	if (*err != 0 && as != NULL) {
		aspace_put_user(as);
		as = NULL;
	}
	thread_put(t);
	return as;
}

/* The bytes [start, end) of the space. */
static void
show_bytes(struct aspace *as, vaddr_t start, vaddr_t end, struct strbuf *out)
{
	char chunk[256];

	end = MIN(end, start + STRINGS_MAX);
	while (start < end && !out->overflow) {
		ssize_t n = aspace_access(as, start, chunk, MIN(end - start, sizeof(chunk)), false, false);

		if (n <= 0)
			return;
		strbuf_write(out, chunk, (size_t)n);
		start += (u64)n;
	}
}

/* World-readable, as on Linux: the arguments of every process. */
int
proc_show_cmdline(const struct proc_object *o, struct strbuf *out)
{
	struct thread *t = proc_object_thread(o);
	struct aspace *as;

	if (t == NULL)
		return -ESRCH;
	as = process_aspace_get(t->proc);
	thread_put(t);
	if (as == NULL)
		return 0;
	show_bytes(as, as->arg_start, as->arg_end, out);
	aspace_put_user(as);
	return 0;
}

int
proc_show_environ(const struct proc_object *o, struct strbuf *out)
{
	int err;
	struct aspace *as = proc_object_aspace(o, &err);

	if (as == NULL)
		return err;
	show_bytes(as, as->env_start, as->env_end, out);
	aspace_put_user(as);
	return 0;
}

int
proc_show_auxv(const struct proc_object *o, struct strbuf *out)
{
	u32 n = 0;
	int err;
	struct aspace *as = proc_object_aspace(o, &err);

	if (as == NULL)
		return err;
	while (n + 2 < ARRAY_SIZE(as->auxv) && as->auxv[n] != 0)
		n += 2;
	strbuf_write(out, (const char *)as->auxv, (n + 2) * sizeof(as->auxv[0]));
	aspace_put_user(as);
	return 0;
}

static int
show_layout(const struct proc_object *o, struct strbuf *out, bool details)
{
	int err;
	struct aspace *as = proc_object_aspace(o, &err);

	if (as == NULL)
		return err;
	aspace_show_maps(as, out, 0, details);
	aspace_put_user(as);
	return 0;
}

int
proc_show_maps(const struct proc_object *o, struct strbuf *out)
{
	return show_layout(o, out, false);
}

int
proc_show_smaps(const struct proc_object *o, struct strbuf *out)
{
	return show_layout(o, out, true);
}

int
proc_show_statm(const struct proc_object *o, struct strbuf *out)
{
	struct thread *t = proc_object_thread(o);
	struct aspace *as;

	if (t == NULL)
		return -ESRCH;
	as = process_aspace_get(t->proc);
	thread_put(t);
	if (as == NULL) {
		strbuf_puts(out, "0 0 0 0 0 0 0\n");
		return 0;
	}
	strbuf_printf(out, "%lu %ld %ld %lu 0 %lu 0\n", READ_ONCE(as->total_pages),
		READ_ONCE(as->rss_anon) + READ_ONCE(as->rss_file) + READ_ONCE(as->rss_shmem),
		READ_ONCE(as->rss_file) + READ_ONCE(as->rss_shmem), (as->code_end - as->code_start + PAGE_SIZE - 1) >> PAGE_SHIFT,
		READ_ONCE(as->data_pages) + READ_ONCE(as->stack_pages));
	aspace_put_user(as);
	return 0;
}
