/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The boot, as a list. kernel_main() runs on the boot stack with interrupts off until threads can run; the init thread does the
 * rest, becomes the first process, and never comes back. This is the one file of sys/ that calls upward (tests/lint knows).
 */
#include "arch/boot.h"
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "arch/smp.h"
#include "dev/chrdev.h"
#include "dev/fb/framebuffer.h"
#include "dev/input/ps2.h"
#include "dev/ata/init.h"
#include "dev/block.h"
#include "dev/loop/init.h"
#include "dev/pci.h"
#include "dev/rtc.h"
#include "dev/tty/tty.h"
#include "dev/virtio/virtio.h"
#include "fs/fat.h"
#include "fs/iso9660.h"
#include "fs/mqueue.h"
#include "fs/devfs/devfs.h"
#include "fs/path.h"
#include "fs/root.h"
#include "fs/sysfs/sysfs.h"
#include "mm/init.h"
#include "mm/page.h"
#include "net/socket.h"
#include "proc/process.h"
#include "proc/procfs/init.h"
#include "sys/clock.h"
#include "sys/abi/errno.h"
#include "sys/lib/printf.h"
#include "sys/lib/string.h"
#include "sys/log.h"
#include "sys/panic.h"
#include "sys/params.h"
#include "sys/random.h"
#include "sys/rcu_boot.h"
#include "sys/sched.h"
#include "sys/selftest.h"
#include "sys/thread_boot.h"
#include "sys/work.h"
#include "version.h"

extern char boot_stack[];	/* arch: KSTACK_SIZE bytes */

/* Unpack every module the loader left; its memory is given back. */
static void
unpack_initramfs(void)
{
	char name[32];

	for (u32 i = 0; i < boot_info.initrd_count; i++) {
		paddr_t base = boot_info.initrd[i].base;
		u64 size = boot_info.initrd[i].size;
		int err;

		snprintf(name, sizeof(name), "initramfs %u", i);
		err = initramfs_unpack(phys_to_virt(base), size, name);
		if (err != 0)
			log_err("init: %s of %lu bytes at %#lx: error %d", name, size, (u64)base, err);
		page_free_reserved(ALIGN_DOWN(base, PAGE_SIZE), ALIGN_UP(base + size, PAGE_SIZE));
	}
}

/* Only returns where the program cannot be run: the error. */
static int
try_init(const char *path)
{
	int err;

	params.argv[0] = (char *)(uintptr_t)path;
	log_info("Run %s as init process", path);
	err = process_exec_init(path, params.argv, params.envp);
	if (err != -ENOENT)
		log_err("Starting init: %s exists but couldn't execute it (error %d)", path, err);
	return err;
}

/* Linux's order: /init of the initramfs, or the root file system of root=; there init=, and that alone; else the usual places. */
static __noreturn void
run_init(void)
{
	static const char *const places[] = { "/sbin/init", "/etc/init", "/bin/init", "/bin/sh" };
	int err;

	if (!root_is_given() || path_exists(params.rdinit))
		(void)try_init(params.rdinit);
	else
		root_mount();
	if (params.init != NULL) {
		err = try_init(params.init);
		panic("Requested init %s failed (error %d).", params.init, err);
	}
	for (u32 i = 0; i < ARRAY_SIZE(places); i++)
		(void)try_init(places[i]);
	panic("No working init found.  Try passing init= option to kernel.");
}

/* With threads: what may sleep. */
static void
init_thread(void *arg)
{
	mm_init_late();			/* caches of address spaces and the page cache */
	work_init_workers();		/* deferred work runs */
	cpu_count = arch_smp_boot(params.max_cpus);	/* the other CPUs */
	rcu_start_threads();		/* RCU call-backs run, on each CPU */
	arch_init_late();		/* clock watchdog and what else sleeps */
	selftest_run(params.selftest);	/* DEBUG=1 and "selftest" only */

	vfs_init();			/* file systems; tmpfs as root */
	vnode_threads_init();		/* write-back and eviction of vnodes */
	net_init();			/* sockets */
	mem_devices_init();		/* /dev/null and its like */
	rtc_device_init();		/* the hardware clock */
	tty_init_core();		/* /dev/tty, /dev/console */
	pty_init();			/* pseudo terminals */
	fb_init();			/* the boot loader's framebuffer */
	vt_init();			/* terminals on the screen */
	serial_init();			/* 16550 */
	ps2_init();			/* keyboard */
	block_init();			/* bios, buffers */
	fat_init();			/* FAT volumes: vfat, msdos */
	iso9660_init();			/* CDs and images of them */
	pci_init();			/* buses are scanned, drivers bind */
	virtio_init();			/* disks, consoles, entropy of virtual machines */
	ata_init();			/* IDE and AHCI disks: sda, sr0 */
	loop_init();			/* files as disks */
	proc_init();			/* identities, caches */
	procfs_init();			/* the trees that show all this */
	sysfs_init();
	devtmpfs_init();
	devpts_init();
	mqueue_init();			/* POSIX message queues */
	unpack_initramfs();
	run_init();
}

void
kernel_main(void)
{
	params_parse(boot_info.cmdline);	/* console level, switches */
	thread_init_boot(boot_stack);	/* this code becomes CPU 0's idle thread */
	log_notice("Lintel %s %s", LINTEL_RELEASE, LINTEL_VERSION);
	arch_init_early();		/* CPU features, memory map */
	mm_init();			/* frames, slabs, kernel mappings, stacks */
	thread_init();			/* threads can be created */
	arch_init_acpi();		/* tables, interrupt controllers */
	arch_init_time();		/* clock sources, the CPU's timer */
	clock_init();			/* the date */
	random_init();			/* seeds; hash keys */
	sched_running = true;
	arch_irq_enable();
	if (thread_spawn(init_thread, NULL, "init") != 0)
		panic("no memory for the init thread");
	sched_become_idle();
}
