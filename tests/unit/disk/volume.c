/* SPDX-License-Identifier: BSD-2-Clause */
/* Images at /mnt: volume.h. */
#include <stdarg.h>
#include <stdio.h>

#include "tests/unit/disk/volume.h"

#include "sys/abi/errno.h"
#include "sys/abi/mount.h"
#include "sys/panic.h"
#include "syscall_protos.h"
#include "tests/unit/disk/fiber.h"
#include "tests/unit/disk/host.h"

void
volume_open(struct volume *v, const char *image, u32 drive_flags)
{
	int err;

	v->image = image;
	v->data = host_map(image, &v->size);
	err = drive_attach(v->data, v->size, drive_flags, &v->drive);
	if (err != 0)
		panic("no drive: %d", err);
}

void
volume_close(struct volume *v)
{
	drive_detach(v->drive);
	fiber_yield();
	host_unmap(v->data, v->size);
}

int
volume_mount(struct volume *v, const char *type, unsigned long ms_flags, const char *options)
{
	static char page[4096] __attribute__((aligned(4096)));	/* mount(2) reads up to a page of them */

	snprintf(page, sizeof(page), "%s", options);
	return (int)sys_mount(v->drive->node, MNT, type, ms_flags, page);
}

int
volume_unmount(void)
{
	return (int)sys_umount2(MNT, 0);
}

void
volume_must_mount(struct volume *v, const char *type, const char *options)
{
	int err = volume_mount(v, type, 0, options);

	if (err != 0)
		panic("mount of %s as %s: %d", v->image, type, err);
}

void
volume_must_unmount(void)
{
	int err = volume_unmount();

	if (err != 0)
		panic("umount: %d", err);
}

void
must_run(const char *fmt, ...)
{
	const char *out;
	char command[8000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	if (host_run(&out, "%s", command) != 0)
		panic("%s:\n%s", command, out);
}
