/* SPDX-License-Identifier: BSD-2-Clause */
/* Files and tools of the machine that the tests run on: host.h. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/disk/host.h"

static char folder[64];
static char output[256 * 1024];

static void
die(const char *what)
{
	perror(what);
	abort();
}

const char *
host_folder(void)
{
	const char *top = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	if (folder[0] != '\0')
		return folder;
	snprintf(folder, sizeof(folder), "%s/lintel-disk-XXXXXX", top);
	if (mkdtemp(folder) == NULL)
		die(folder);
	setenv("D", folder, 1);
	return folder;
}

void
host_cleanup(void)
{
	if (folder[0] != '\0')
		(void)host_run(NULL, "chmod -R u+w $D; rm -rf $D");
	folder[0] = '\0';
}

int
host_run(const char **out, const char *fmt, ...)
{
	char command[8192], whole[8400];
	size_t n = 0, got;
	va_list ap;
	FILE *f;
	int status;

	(void)host_folder();
	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	snprintf(whole, sizeof(whole), "exec 2>&1; PATH=$PATH:/usr/sbin:/sbin\n%s\n", command);
	f = popen(whole, "r");
	if (f == NULL)
		die("popen");
	while (n < sizeof(output) - 1 && (got = fread(output + n, 1, sizeof(output) - 1 - n, f)) > 0)
		n += got;
	output[n] = '\0';
	status = pclose(f);
	if (out != NULL)
		*out = output;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static int
open_file(const char *name, int flags)
{
	char path[4600];

	snprintf(path, sizeof(path), "%s/%s", host_folder(), name);
	return open(path, flags, 0600);
}

unsigned char *
host_map(const char *name, size_t *size)
{
	int fd = open_file(name, O_RDWR);
	struct stat st;
	void *p;

	if (fd < 0 || fstat(fd, &st) != 0)
		die(name);
	*size = (size_t)st.st_size;
	p = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		die(name);
	close(fd);
	return p;
}

void
host_unmap(unsigned char *p, size_t size)
{
	munmap(p, size);
}

unsigned char *
host_read(const char *name, size_t *size)
{
	int fd = open_file(name, O_RDONLY);
	unsigned char *p;
	struct stat st;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) != 0)
		die(name);
	p = malloc((size_t)st.st_size + 1);
	if (read(fd, p, (size_t)st.st_size) != st.st_size)
		die(name);
	close(fd);
	p[st.st_size] = '\0';
	*size = (size_t)st.st_size;
	return p;
}

void
host_write(const char *name, const void *data, size_t size)
{
	int fd = open_file(name, O_WRONLY | O_CREAT | O_TRUNC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		die(name);
	close(fd);
}
