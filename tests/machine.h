/* SPDX-License-Identifier: BSD-2-Clause */
/* How every /init of the tests begins. It leans on as little of the kernel as it can: no shell, no signals, no threads. */
#ifndef TESTS_MACHINE_H
#define TESTS_MACHINE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The file systems that programs expect. What fails is told as a "# " line. */
static inline void
machine_mount_all(void)
{
	static const struct { const char *type, *where, *options; } table[] = {
		{ "proc", "/proc", NULL },
		{ "sysfs", "/sys", NULL },
		{ "devtmpfs", "/dev", NULL },
		{ "devpts", "/dev/pts", "gid=5,mode=620,ptmxmode=666" },
		{ "tmpfs", "/dev/shm", NULL },
		{ "mqueue", "/dev/mqueue", NULL },
		{ "tmpfs", "/tmp", NULL },
		{ "tmpfs", "/run", NULL },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		mkdir(table[i].where, 0755);
		if (mount(table[i].type, table[i].where, table[i].type, 0, table[i].options) && errno != EBUSY)
			printf("# mount %s: %s\n", table[i].where, strerror(errno));
	}
	chmod("/tmp", 01777);
	chmod("/dev/shm", 01777);
}

/* Debian's kernel has its drivers as modules: what was packed, in order. */
static inline void
machine_load_modules(void)
{
	struct dirent **list;
	int n = scandir("/modules", &list, NULL, alphasort);
	char path[512];

	for (int i = 0; i < n; i++) {
		int fd;

		snprintf(path, sizeof(path), "/modules/%s", list[i]->d_name);
		if (list[i]->d_name[0] == '.')
			continue;
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
			printf("# %s: %s\n", path, strerror(errno));
		close(fd);
	}
}

#endif
