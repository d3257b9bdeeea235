/* SPDX-License-Identifier: BSD-2-Clause */
/* /proc/sys: numbers and names that can be read, and some set. Meanings: proc(5), Linux's admin-guide/sysctl. */
#include "proc/procfs/procfs.h"

#include "dev/tty/pty.h"
#include "fs/aio.h"
#include "fs/path.h"
#include "fs/mqueue.h"
#include "fs/notify.h"
#include "fs/pipe.h"
#include "fs/textfile.h"
#include "mm/mapping.h"
#include "net/socket.h"
#include "proc/coredump.h"
#include "proc/exec.h"
#include "proc/ipc.h"
#include "proc/proc.h"
#include "sys/abi/errno.h"
#include "sys/nsset.h"
#include "sys/random.h"
#include "sys/lib/bits.h"
#include "sys/lib/string.h"
#include "sys/syscall.h"
#include "sys/sysrq.h"
#include "sys/watchdog.h"
#include "version.h"

/* --- an int of the kernel --- */

static int
show_int(const struct proc_object *o, struct strbuf *out)
{
	strbuf_printf(out, "%d\n", READ_ONCE(*(int *)o->e->value));
	return 0;
}

static int
store_int(const struct proc_object *o, char *text, size_t len)
{
	s64 v;

	(void)len;
	if (parse_s64(text_trim(text), NULL, 10, &v) != 0 || v < o->e->min || v > o->e->max)
		return -EINVAL;
	WRITE_ONCE(*(int *)o->e->value, (int)v);
	return 0;
}

#define SYSCTL_INT(n, v, lo, hi) \
	{ .name = (n), .mode = S_IFREG | 0644, .show = show_int, .store = store_int, .value = (v), .min = (lo), .max = (hi) }

/* --- a fixed number --- */

static int
show_fixed(const struct proc_object *o, struct strbuf *out)
{
	strbuf_printf(out, "%ld\n", o->e->min);
	return 0;
}

#define SYSCTL_FIXED(n, v)	{ .name = (n), .mode = S_IFREG | 0444, .show = show_fixed, .min = (v) }

/* --- names --- */

static int
show_hostname(const struct proc_object *o, struct strbuf *out)
{
	char name[UTS_LEN + 1];

	(void)o;
	nsset_get_hostname(nsset_current(), name);
	strbuf_printf(out, "%s\n", name);
	return 0;
}

static int
store_hostname(const struct proc_object *o, char *text, size_t len)
{
	(void)o, (void)len;
	text = text_trim(text);
	nsset_set_hostname(nsset_current(), text, MIN(strlen(text), (size_t)UTS_LEN));
	return 0;
}

static int
show_domainname(const struct proc_object *o, struct strbuf *out)
{
	char name[UTS_LEN + 1];

	(void)o;
	nsset_get_domainname(nsset_current(), name);
	strbuf_printf(out, "%s\n", name);
	return 0;
}

static int
store_domainname(const struct proc_object *o, char *text, size_t len)
{
	(void)o, (void)len;
	text = text_trim(text);
	nsset_set_domainname(nsset_current(), text, MIN(strlen(text), (size_t)UTS_LEN));
	return 0;
}

static int
show_core_pattern(const struct proc_object *o, struct strbuf *out)
{
	(void)o;
	strbuf_printf(out, "%s\n", core_pattern);
	return 0;
}

/* A program to pipe it to is refused: there are none started by the kernel. */
static int
store_core_pattern(const struct proc_object *o, char *text, size_t len)
{
	(void)o, (void)len;
	text = text_trim(text);
	if (text[0] == '|' || strlen(text) >= CORE_PATTERN_MAX)
		return -EINVAL;
	strlcpy(core_pattern, text, sizeof(core_pattern));
	return 0;
}

static int
show_ostype(const struct proc_object *o, struct strbuf *out)
{
	(void)o;
	strbuf_puts(out, "Linux\n");
	return 0;
}

static int
show_osrelease(const struct proc_object *o, struct strbuf *out)
{
	(void)o;
	strbuf_puts(out, LINTEL_RELEASE "\n");
	return 0;
}

static int
show_version(const struct proc_object *o, struct strbuf *out)
{
	(void)o;
	strbuf_puts(out, LINTEL_VERSION "\n");
	return 0;
}

static int
show_printk(const struct proc_object *o, struct strbuf *out)
{
	(void)o;
	strbuf_printf(out, "%d\t4\t1\t7\n", READ_ONCE(log_console_level));
	return 0;
}

static int
store_printk(const struct proc_object *o, char *text, size_t len)
{
	const char *end;
	u64 v;

	(void)o, (void)len;
	if (parse_u64(text_trim(text), &end, 10, &v) != 0 || v > 15)
		return -EINVAL;
	WRITE_ONCE(log_console_level, (int)v);
	return 0;
}

static int
show_trace(const struct proc_object *o, struct strbuf *out)
{
	char name[THREAD_NAME_MAX];

	(void)o;
	syscall_trace_get(name, sizeof(name));
	strbuf_printf(out, "%s\n", name);
	return 0;
}

static int
store_trace(const struct proc_object *o, char *text, size_t len)
{
	(void)o, (void)len;
	text = text_trim(text);
	if (text[0] == '\0' || strlen(text) >= THREAD_NAME_MAX)
		return -EINVAL;
	syscall_trace_set(text);
	return 0;
}

/* --- random --- */

static void
format_uuid(const u8 b[16], struct strbuf *out)
{
	for (int i = 0; i < 16; i++)
		strbuf_printf(out, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", b[i]);
	strbuf_putc(out, '\n');
}

static void
make_uuid(u8 b[16])
{
	random_bytes(b, 16);
	b[6] = (u8)((b[6] & 0x0f) | 0x40);	/* RFC 4122: version 4, variant 1 */
	b[8] = (u8)((b[8] & 0x3f) | 0x80);
}

static int
show_uuid(const struct proc_object *o, struct strbuf *out)
{
	u8 b[16];

	(void)o;
	make_uuid(b);
	format_uuid(b, out);
	return 0;
}

static int
show_boot_id(const struct proc_object *o, struct strbuf *out)
{
	static struct mutex lock = MUTEX_INIT(lock, LOCK_LEAF_SLEEP);
	static u8 id[16];	/* [lock] */
	static bool made;	/* [lock] */

	(void)o;
	mutex_lock(&lock);
	if (!made)
		make_uuid(id);
	made = true;
	mutex_unlock(&lock);
	format_uuid(id, out);
	return 0;
}

static const struct proc_entry random_table[] = {
	PROC_FILE("boot_id", 0444, show_boot_id),
	PROC_FILE("uuid", 0444, show_uuid),
	SYSCTL_FIXED("entropy_avail", 256),
	SYSCTL_FIXED("poolsize", 256),
	{ 0 },
};

/* --- pty --- */

static int
show_pty_nr(const struct proc_object *o, struct strbuf *out)
{
	(void)o;
	strbuf_printf(out, "%u\n", pty_count());
	return 0;
}

static const struct proc_entry pty_table[] = {
	SYSCTL_INT("max", &pty_max, 0, 1 << 20),
	PROC_FILE("nr", 0444, show_pty_nr),
	{ 0 },
};

/* --- System V IPC --- */

#define SYSCTL_IPC(n, which) \
	{ .name = (n), .mode = S_IFREG | 0644, .show = proc_show_ipc_limit, .store = proc_store_ipc_limit, .min = (which) }

/* --- the tree --- */

static const struct proc_entry kernel_table[] = {
	PROC_FILE("ostype", 0444, show_ostype),
	PROC_FILE("osrelease", 0444, show_osrelease),
	PROC_FILE("version", 0444, show_version),
	{ .name = "hostname", .mode = S_IFREG | 0644, .show = show_hostname, .store = store_hostname },
	{ .name = "domainname", .mode = S_IFREG | 0644, .show = show_domainname, .store = store_domainname },
	{ .name = "printk", .mode = S_IFREG | 0644, .show = show_printk, .store = store_printk },
	{ .name = "trace_syscalls", .mode = S_IFREG | 0600, .show = show_trace, .store = store_trace },
	{ .name = "core_pattern", .mode = S_IFREG | 0644, .show = show_core_pattern, .store = store_core_pattern },
	SYSCTL_INT("core_uses_pid", &core_uses_pid, 0, 1),
	SYSCTL_INT("panic", &panic_timeout, -1, 3600),
	SYSCTL_INT("pid_max", &pid_max, 301, 4194304),
	SYSCTL_INT("threads-max", &threads_max, 20, 4194304),
	SYSCTL_INT("sysrq", &sysrq_enabled, 0, 511),
	SYSCTL_INT("watchdog", &watchdog_enabled, 0, 1),
	SYSCTL_FIXED("ngroups_max", 65536),
	SYSCTL_FIXED("cap_last_cap", CAP_COUNT - 1),
	SYSCTL_INT("randomize_va_space", &randomize_va_space, 0, 2),
	SYSCTL_INT("dmesg_restrict", &dmesg_restrict, 0, 1),
	SYSCTL_IPC("shmmax", IPC_SHMMAX),
	SYSCTL_IPC("shmall", IPC_SHMALL),
	SYSCTL_IPC("shmmni", IPC_SHMMNI),
	SYSCTL_IPC("shm_rmid_forced", IPC_SHM_RMID_FORCED),
	SYSCTL_IPC("msgmax", IPC_MSGMAX),
	SYSCTL_IPC("msgmnb", IPC_MSGMNB),
	SYSCTL_IPC("msgmni", IPC_MSGMNI),
	{ .name = "sem", .mode = S_IFREG | 0644, .show = proc_show_sem_limits, .store = proc_store_sem_limits },
	PROC_DIR("random", 0555, random_table),
	PROC_DIR("pty", 0555, pty_table),
	{ 0 },
};

/* Write-back looks at once whether the new limit asks for something. */
static int
store_writeback(const struct proc_object *o, char *text, size_t len)
{
	int err = store_int(o, text, len);

	if (err == 0)
		writeback_wake();
	return err;
}

#define SYSCTL_WRITEBACK(n, v, hi) \
	{ .name = (n), .mode = S_IFREG | 0644, .show = show_int, .store = store_writeback, .value = (v), .min = 0, .max = (hi) }

static int
store_drop_caches(const struct proc_object *o, char *text, size_t len)
{
	s64 v;

	(void)o, (void)len;
	if (parse_s64(text_trim(text), NULL, 10, &v) != 0 || v < 1 || v > 4)
		return -EINVAL;
	if (v & 1)
		reclaim_drop_pagecache();
	if (v & 2)
		reclaim_drop_slab();
	return 0;
}

static const struct proc_entry vm_table[] = {
	SYSCTL_WRITEBACK("dirty_ratio", &dirty_ratio, 100),
	SYSCTL_WRITEBACK("dirty_background_ratio", &dirty_background_ratio, 100),
	SYSCTL_WRITEBACK("dirty_expire_centisecs", &dirty_expire_centisecs, INT32_MAX),
	SYSCTL_WRITEBACK("dirty_writeback_centisecs", &dirty_writeback_centisecs, INT32_MAX),
	{ .name = "drop_caches", .mode = S_IFREG | 0200, .store = store_drop_caches },
	SYSCTL_INT("overcommit_memory", &overcommit_mode, 0, 2),
	SYSCTL_INT("max_map_count", &vm_max_map_count, 0, INT32_MAX),
	SYSCTL_FIXED("mmap_min_addr", 65536),
	{ 0 },
};

static const struct proc_entry inotify_table[] = {
	SYSCTL_INT("max_queued_events", &inotify_max_queued_events, 0, INT32_MAX),
	SYSCTL_INT("max_user_instances", &inotify_max_user_instances, 0, INT32_MAX),
	SYSCTL_INT("max_user_watches", &inotify_max_user_watches, 0, INT32_MAX),
	{ 0 },
};

/* In pages, a power of two of them. */
static int
store_pipe_max(const struct proc_object *o, char *text, size_t len)
{
	s64 v;

	(void)o, (void)len;
	if (parse_s64(text_trim(text), NULL, 10, &v) != 0 || v < 1 || v > 1L << 30)
		return -EINVAL;
	WRITE_ONCE(pipe_max_size, (int)roundup_pow2(MAX((u64)v, PAGE_SIZE)));
	return 0;
}

static const struct proc_entry mqueue_table[] = {
	SYSCTL_INT("queues_max", &init_mqueue_ns.queues_max, 0, INT32_MAX),
	SYSCTL_INT("msg_max", &init_mqueue_ns.msg_max, 1, MQUEUE_HARD_MSGS),
	SYSCTL_INT("msgsize_max", &init_mqueue_ns.msgsize_max, 128, MQUEUE_HARD_SIZE),
	SYSCTL_INT("msg_default", &init_mqueue_ns.msg_default, 1, MQUEUE_HARD_MSGS),
	SYSCTL_INT("msgsize_default", &init_mqueue_ns.msgsize_default, 128, MQUEUE_HARD_SIZE),
	{ 0 },
};

static const struct proc_entry fs_table[] = {
	SYSCTL_INT("aio-max-nr", &aio_max_nr, 0, INT32_MAX),
	{ .name = "aio-nr", .mode = S_IFREG | 0444, .show = show_int, .value = &aio_nr },
	PROC_DIR("mqueue", 0555, mqueue_table),
	PROC_DIR("inotify", 0555, inotify_table),
	SYSCTL_INT("mount-max", &mount_max, 1, INT32_MAX),
	SYSCTL_FIXED("nr_open", 1048576),
	SYSCTL_INT("suid_dumpable", &suid_dumpable, 0, 1),	/* 2, a core for root alone, is not here */
	{ .name = "pipe-max-size", .mode = S_IFREG | 0644, .show = show_int, .store = store_pipe_max, .value = &pipe_max_size },
	SYSCTL_INT("pipe-user-pages-hard", &pipe_user_pages_hard, 0, INT32_MAX),
	SYSCTL_INT("pipe-user-pages-soft", &pipe_user_pages_soft, 0, INT32_MAX),
	{ 0 },
};

static const struct proc_entry net_core_table[] = {
	SYSCTL_INT("somaxconn", &net_somaxconn, 0, INT32_MAX),
	SYSCTL_INT("rmem_max", &net_rmem_max, 2304, INT32_MAX),
	SYSCTL_INT("wmem_max", &net_wmem_max, 4608, INT32_MAX),
	{ 0 },
};

static const struct proc_entry net_unix_table[] = {
	SYSCTL_INT("max_dgram_qlen", &unix_max_dgram_qlen, 0, INT32_MAX),
	{ 0 },
};

static const struct proc_entry net_table[] = {
	PROC_DIR("core", 0555, net_core_table),
	PROC_DIR("unix", 0555, net_unix_table),
	{ 0 },
};

const struct proc_entry proc_sys_table[] = {
	PROC_DIR("kernel", 0555, kernel_table),
	PROC_DIR("vm", 0555, vm_table),
	PROC_DIR("fs", 0555, fs_table),
	PROC_DIR("net", 0555, net_table),
	{ 0 },
};
