/* SPDX-License-Identifier: BSD-2-Clause */
/* /proc/sysvipc, and the limits of System V IPC in /proc/sys/kernel: proc(5), sysvipc(7). */
#include "proc/procfs/procfs.h"

#include "fs/textfile.h"
#include "proc/ipc.h"
#include "sys/abi/errno.h"
#include "sys/lib/string.h"

static int
show_shm(const struct proc_object *o, struct strbuf *out)
{
	(void)o;
	shm_show(out);
	return 0;
}

static int
show_sem(const struct proc_object *o, struct strbuf *out)
{
	(void)o;
	semset_show(out);
	return 0;
}

static int
show_msg(const struct proc_object *o, struct strbuf *out)
{
	(void)o;
	msgq_show(out);
	return 0;
}

const struct proc_entry proc_sysvipc_table[] = {
	PROC_FILE("msg", 0444, show_msg),
	PROC_FILE("sem", 0444, show_sem),
	PROC_FILE("shm", 0444, show_shm),
	{ 0 },
};

/* --- limits: the entry's min says which --- */

int
proc_show_ipc_limit(const struct proc_object *o, struct strbuf *out)
{
	strbuf_printf(out, "%lu\n", ipc_limit_get((enum ipc_limit)o->e->min));
	return 0;
}

int
proc_store_ipc_limit(const struct proc_object *o, char *text, size_t len)
{
	enum ipc_limit which = (enum ipc_limit)o->e->min;
	u64 v;

	(void)len;
	if (parse_u64(text_trim(text), NULL, 10, &v) != 0 || v > ipc_limit_max(which))
		return -EINVAL;
	ipc_limit_set(which, v);
	return 0;
}

static const enum ipc_limit sem_limits[] = { IPC_SEMMSL, IPC_SEMMNS, IPC_SEMOPM, IPC_SEMMNI };

int
proc_show_sem_limits(const struct proc_object *o, struct strbuf *out)
{
	(void)o;
	for (u32 i = 0; i < ARRAY_SIZE(sem_limits); i++)
		strbuf_printf(out, i == 0 ? "%lu" : "\t%lu", ipc_limit_get(sem_limits[i]));
	strbuf_putc(out, '\n');
	return 0;
}

/* The first numbers may be given alone. */
int
proc_store_sem_limits(const struct proc_object *o, char *text, size_t len)
{
	u64 v[ARRAY_SIZE(sem_limits)];
	u32 n = 0;
	char *word;

	(void)o, (void)len;
	text = text_trim(text);
	while (n < ARRAY_SIZE(sem_limits) && (word = strsep(&text, " \t")) != NULL) {
		if (*word == '\0')
			continue;
		if (parse_u64(word, NULL, 10, &v[n]) != 0 || v[n] > ipc_limit_max(sem_limits[n]))
			return -EINVAL;
		n++;
	}
	if (n == 0)
		return -EINVAL;
	for (u32 i = 0; i < n; i++)
		ipc_limit_set(sem_limits[i], v[i]);
	return 0;
}
