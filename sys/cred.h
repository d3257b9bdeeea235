/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Credentials: immutable once published, replaced as a whole, read under RCU or by their own thread without.
 */
#ifndef SYS_CRED_H
#define SYS_CRED_H

#include "sys/lib/types.h"
#include "sys/rcu.h"
#include "sys/refcount.h"

/* Capability numbers as in capabilities(7). */
enum {
	CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID, CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_SETPCAP,
	CAP_LINUX_IMMUTABLE, CAP_NET_BIND_SERVICE, CAP_NET_BROADCAST, CAP_NET_ADMIN, CAP_NET_RAW, CAP_IPC_LOCK, CAP_IPC_OWNER,
	CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_CHROOT, CAP_SYS_PTRACE, CAP_SYS_PACCT, CAP_SYS_ADMIN, CAP_SYS_BOOT, CAP_SYS_NICE,
	CAP_SYS_RESOURCE, CAP_SYS_TIME, CAP_SYS_TTY_CONFIG, CAP_MKNOD, CAP_LEASE, CAP_AUDIT_WRITE, CAP_AUDIT_CONTROL, CAP_SETFCAP,
	CAP_MAC_OVERRIDE, CAP_MAC_ADMIN, CAP_SYSLOG, CAP_WAKE_ALARM, CAP_BLOCK_SUSPEND, CAP_AUDIT_READ, CAP_PERFMON, CAP_BPF,
	CAP_CHECKPOINT_RESTORE, CAP_COUNT
};
#define CAP_ALL		((1UL << CAP_COUNT) - 1)

struct user_ns;			/* one instance for now: init_user_ns */
extern struct user_ns init_user_ns;

struct cred_groups { struct refcount refs; u32 count; kgid_t gid[]; };	/* sorted */

struct cred {
	struct refcount refs;
	kuid_t uid, euid, suid, fsuid;
	kgid_t gid, egid, sgid, fsgid;
	u64 cap_inheritable, cap_permitted, cap_effective, cap_bounding, cap_ambient;
	u32 securebits;
	bool no_new_privs;
	struct user_ns *user_ns;
	struct cred_groups *groups;	/* NULL: none */
	struct rcu_head rcu;
};

extern const struct cred init_cred;

const struct cred *cred_current(void);		/* of the current thread; init_cred for kernel threads */
const struct cred *cred_get(const struct cred *c);
void cred_put(const struct cred *c);
struct cred *cred_copy(const struct cred *c) __must_check;	/* refs 1; NULL: no memory */
/* Publish for the current thread, taking the caller's reference. */
void cred_commit(const struct cred *c);

bool capable(int cap);				/* of the current thread, in the initial namespace */
bool capable_in(struct user_ns *ns, int cap);
bool cred_in_group(const struct cred *c, kgid_t gid);	/* fsgid or supplementary */

static inline bool uid_eq(kuid_t a, kuid_t b) { return a.val == b.val; }
static inline bool gid_eq(kgid_t a, kgid_t b) { return a.val == b.val; }
static inline kuid_t make_kuid(struct user_ns *ns, uid_t uid) { (void)ns; return (kuid_t){ uid }; }
static inline kgid_t make_kgid(struct user_ns *ns, gid_t gid) { (void)ns; return (kgid_t){ gid }; }

#endif
