/* SPDX-License-Identifier: BSD-2-Clause */
/* Starting proc/, and the first process: the kernel thread that boots becomes init, number 1. */
#include "proc/ipc.h"
#include "proc/proc.h"

#include "arch/thread.h"
#include "fs/fdtable.h"
#include "fs/path.h"

#define INF	RLIM_INFINITY

static const struct abi_rlimit first_limits[RLIM_NLIMITS] = {
	[RLIMIT_CPU] = { INF, INF }, [RLIMIT_FSIZE] = { INF, INF }, [RLIMIT_DATA] = { INF, INF }, [RLIMIT_STACK] = { 8 * MIB, INF },
	[RLIMIT_CORE] = { 0, INF }, [RLIMIT_RSS] = { INF, INF }, [RLIMIT_NPROC] = { 0, 0 } /* below */,
	[RLIMIT_NOFILE] = { 1024, 4096 }, [RLIMIT_MEMLOCK] = { 8 * MIB, 8 * MIB }, [RLIMIT_AS] = { INF, INF },
	[RLIMIT_LOCKS] = { INF, INF }, [RLIMIT_SIGPENDING] = { 0, 0 } /* below */, [RLIMIT_MSGQUEUE] = { 819200, 819200 },
	[RLIMIT_NICE] = { 0, 0 }, [RLIMIT_RTPRIO] = { 0, 0 }, [RLIMIT_RTTIME] = { INF, INF },
};

/* What a small process costs the kernel and itself: stack, tables, structs, a few pages. */
#define PROCESS_COST	(96 * KIB)

/* As many threads as fit into half of memory if each is a process: a fork bomb then ends with EAGAIN, not with the OOM killer. */
static int
threads_for_memory(void)
{
	struct mem_stats ms;

	mem_stats_get(&ms);
	return (int)MIN(MAX(ms.total * PAGE_SIZE / 2 / PROCESS_COST, 64UL), 4000000UL);
}

void
proc_init(void)
{
	pid_init();
	process_cache_init();
	signal_cache_init();
	futex_init();
	ipc_init();			/* shared memory, semaphores, message queues */
	proc_oom_init();
	sysrq_keys_init();
	threads_max = threads_for_memory();
}

/* Descriptors 0, 1 and 2. */
static void
open_console(void)
{
	struct file *f;
	int err = file_open("/dev/console", O_RDWR, 0, &f);

	if (err != 0) {
		log_warn("unable to open an initial console: error %d", -err);
		return;
	}
	for (int i = 0; i < 3; i++) {
		file_get(f);
		if (fd_install_new(f, 0, false) < 0)
			file_put(f);
	}
	file_put(f);
}

static int
make_first_process(void)
{
	struct thread *t = thread_current();
	struct process *p = process_alloc(NULL);
	struct proc_thread *pt = p != NULL ? proc_thread_alloc(t, p) : NULL;
	struct pid *pid;
	struct sighand *sh;
	u64 irq, irq2;

	if (pt == NULL || pid_alloc(0, &pid) != 0)
		return -ENOMEM;
	p->sighand = sighand_create(NULL);
	pt->user = user_counts_find((kuid_t){ 0 });
	t->files = files_create();
	t->fsctx = fsctx_copy(t->fsctx);
	if (p->sighand == NULL || pt->user == NULL || t->files == NULL || t->fsctx == NULL)
		return -ENOMEM;
	atomic_add(&pt->user->nproc, 1);
	memcpy(p->rlimits, first_limits, sizeof(p->rlimits));
	p->rlimits[RLIMIT_NPROC] = p->rlimits[RLIMIT_SIGPENDING] = (struct abi_rlimit){ (u64)threads_max / 2, (u64)threads_max / 2 };
	p->exit_signal = SIGCHLD;
	p->unkillable = true;
	t->cred = cred_get(&init_cred);
	t->pt = pt;
	t->proc = p;
	t->sighand = p->sighand;
	thread_get(t);
	(void)proc_thread_count_inc();
	irq = proctree_lock_irq();
	sh = sighand_lock(p, &irq2);
	process_link(p, NULL, pt, pid);
	sighand_unlock(sh, irq2);
	proctree_unlock_irq(irq);
	init_process = p;
	return 0;
}

int
process_exec_init(const char *path, char *const argv[], char *const envp[])
{
	int err = 0;

	if (init_process == NULL) {
		err = make_first_process();
		if (err != 0)
			panic("no memory for the first process");
		open_console();
	}
	err = process_exec_kernel(path, argv, envp);
	if (err != 0)
		return err;
	arch_enter_user();
}
