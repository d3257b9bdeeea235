/* SPDX-License-Identifier: BSD-2-Clause */
/* One image file, mounted at /mnt: what most tests of a file system begin and end with. Faults end the test. */
#ifndef TESTS_UNIT_DISK_VOLUME_H
#define TESTS_UNIT_DISK_VOLUME_H

#include "tests/unit/disk/drive.h"

#define MNT	"/mnt"

struct volume { unsigned char *data; size_t size; struct drive *drive; const char *image; };

void volume_open(struct volume *v, const char *image, u32 drive_flags);		/* an image in host_folder() */
void volume_close(struct volume *v);
int volume_mount(struct volume *v, const char *type, unsigned long ms_flags, const char *options);	/* 0 or -errno */
int volume_unmount(void);
void volume_must_mount(struct volume *v, const char *type, const char *options);
void volume_must_unmount(void);
/* A shell command that must succeed. */
void must_run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
