/* SPDX-License-Identifier: BSD-2-Clause */
/* A tree of odd files: sample.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/disk/sample.h"

#include "sys/lib/types.h"
#include "tests/unit/disk/host.h"
#include "tests/unit/disk/volume.h"

static u64 state;

static void
file(const char *folder, const char *name, size_t size)
{
	unsigned char *data = malloc(size + 1);
	char path[600];

	for (size_t i = 0; i < size; i++) {
		state = state * 6364136223846793005UL + 1442695040888963407UL;
		data[i] = (unsigned char)(state >> 56);
	}
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	host_write(path, data, size);
	free(data);
}

static void
sizes(const char *folder)
{
	static const unsigned all[] = { 0, 1, 59, 60, 61, 511, 512, 513, 1023, 1024, 2047, 2048, 2049, 4095, 4096, 4097, 12287, 12288, 12289,
		65536, 270000, 300001 };
	char name[40];

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		snprintf(name, sizeof(name), "s%u.dat", all[i]);
		file(folder, name, all[i]);
	}
}

void
sample_make(const char *folder, unsigned what)
{
	char name[600];

	state = 1;
	must_run("mkdir -p $D/%s/dir/sub/empty $D/%s/d2", folder, folder);
	sizes(folder);
	file(folder, "dir/inner.txt", 3000);
	file(folder, "dir/sub/leaf", 5);
	if (what & SAMPLE_LONG) {
		char lengthy[500] = "d2/";

		memset(lengthy + 3, 'x', 251);
		file(folder, lengthy, 100);
		file(folder, "d2/na\xc3\xafve \xe2\x98\x83.txt", 200);
		file(folder, "d2/two  blanks and a.dot.in it", 300);
		file(folder, "d2/Mixed Case Name.Html", 20);
		file(folder, "d2/UPPER.TXT", 20);
		file(folder, "d2/lower.txt", 20);
		file(folder, "d2/.hidden", 20);
	}
	if (what & SAMPLE_MANY) {
		must_run("mkdir $D/%s/many", folder);
		for (unsigned i = 0; i < 700; i++) {
			snprintf(name, sizeof(name), "many/file number %u of the lot", i * 7919);
			file(folder, name, i % 64);
		}
	}
	if (what & SAMPLE_DEEP) {
		must_run("mkdir -p $D/%s/1/2/3/4/5/6/7/8/9/10/11/12", folder);
		file(folder, "1/2/3/4/5/6/7/8/9/10/11/12/bottom", 1234);
		file(folder, "1/2/3/4/5/6/7/seven", 77);
	}
	if (what & SAMPLE_LINKS)
		must_run("cd $D/%s && ln s4097.dat dir/hard && ln -s inner.txt dir/soft && ln -s $(printf 'abcdefgh/%%.0s' $(seq 70))x dir/slow && "
			"chmod 600 s1.dat && chmod 4755 s59.dat && chmod 1777 d2 && mkfifo dir/fifo", folder);
}
