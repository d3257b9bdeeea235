/* SPDX-License-Identifier: BSD-2-Clause */
/* What tests of file systems want of the machine they run on: a folder, image files, tools. No kernel header is used here. */
#ifndef TESTS_UNIT_DISK_HOST_H
#define TESTS_UNIT_DISK_HOST_H

#include <stddef.h>

/* A folder of this process's own, made at the first call; host_cleanup() removes it. */
const char *host_folder(void);
void host_cleanup(void);
/* Run a shell command, with $D the folder and the tools' usual places on PATH: its exit status; *out (if wanted) gets what it printed
 * (both streams), valid until the next call. */
int host_run(const char **out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A file of the folder, mapped (changes reach it). Exits the program where that fails. */
unsigned char *host_map(const char *name, size_t *size);
void host_unmap(unsigned char *p, size_t size);
/* Read a file of the folder, malloc'ed; NULL: not there. */
unsigned char *host_read(const char *name, size_t *size);
void host_write(const char *name, const void *data, size_t size);

#endif
