/* SPDX-License-Identifier: BSD-2-Clause */
/* uname(2), sethostname(2), setdomainname(2), sysinfo(2). */
#include "mm/page.h"
#include "proc/proc.h"
#include "sys/clock.h"
#include "sys/nsset.h"
#include "syscall_protos.h"
#include "version.h"

struct abi_utsname { char sysname[65], nodename[65], release[65], version[65], machine[65], domainname[65]; };

struct abi_sysinfo {
	s64 uptime;
	u64 loads[3];			/* 16 bits fraction */
	u64 totalram, freeram, sharedram, bufferram, totalswap, freeswap;
	u16 procs, pad;
	u64 totalhigh, freehigh;
	u32 mem_unit;
	char tail[4];
};
_Static_assert(sizeof(struct abi_sysinfo) == 112, "sysinfo(2)");

#define LOAD_SHIFT	(16 - 11)

long
sys_uname(void __user *buf)
{
	struct abi_utsname u = { .sysname = "Linux", .release = LINTEL_RELEASE };
	struct nsset *ns = nsset_current();

	nsset_get_hostname(ns, u.nodename);
	strlcpy(u.version, LINTEL_VERSION, sizeof(u.version));
	strlcpy(u.machine, arch_elf_platform(), sizeof(u.machine));
	nsset_get_domainname(ns, u.domainname);
	return copy_to_user(buf, &u, sizeof(u));
}

/* A name to set: 0, -EPERM, -EINVAL, -EFAULT. */
static int
name_from_user(char *buf, const void __user *name, int len)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (len < 0 || len > UTS_LEN)
		return -EINVAL;
	return copy_from_user(buf, name, (size_t)len);
}

long
sys_sethostname(const void __user *name, int len)
{
	char buf[UTS_LEN];
	int err = name_from_user(buf, name, len);

	if (err == 0)
		nsset_set_hostname(nsset_current(), buf, (size_t)len);
	return err;
}

long
sys_setdomainname(const void __user *name, int len)
{
	char buf[UTS_LEN];
	int err = name_from_user(buf, name, len);

	if (err == 0)
		nsset_set_domainname(nsset_current(), buf, (size_t)len);
	return err;
}

long
sys_sysinfo(void __user *info)
{
	struct abi_sysinfo si = { .mem_unit = 1, .procs = (u16)process_thread_count() };
	struct mem_stats ms;
	u64 load[3];

	mem_stats_get(&ms);
	sched_loadavg(load);
	si.uptime = DIV_ROUND_UP(clock_boottime(), NSEC_PER_SEC);
	for (u32 i = 0; i < ARRAY_SIZE(load); i++)
		si.loads[i] = load[i] << LOAD_SHIFT;
	si.totalram = ms.total * PAGE_SIZE;
	si.freeram = ms.free * PAGE_SIZE;
	si.sharedram = ms.shmem * PAGE_SIZE;
	si.bufferram = ms.buffers * PAGE_SIZE;
	si.totalswap = ms.swap_total * PAGE_SIZE;
	si.freeswap = ms.swap_free * PAGE_SIZE;
	return copy_to_user(info, &si, sizeof(si));
}
