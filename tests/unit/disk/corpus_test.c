/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fuzzers' corpus, each input once and a few mutations of it: also what was once a fault.
 * sources: tests/fuzz/target.c tests/fuzz/image.c
 */
#include "tests/unit/test.h"

#include "tests/fuzz/image.h"
#include "tests/fuzz/target.h"
#include "tests/unit/disk/host.h"

#define ROOM		(256 * 1024)
#define MUTATIONS	12

void
unit_teardown(void)
{
	host_cleanup();
}

static void
run_one(const struct target *t, const char *name)
{
	u8 *changed = malloc(ROOM), *in;
	char path[400];
	size_t size;

	snprintf(path, sizeof(path), "corpus/%s/%s", t->name, name);
	in = host_read(path, &size);
	ck_assert_msg(in != NULL, "%s", path);
	t->run(t, in, size);
	for (u32 i = 0; t->image && i < MUTATIONS; i++) {
		memcpy(changed, in, size);
		t->run(t, changed, image_mutate(changed, size, ROOM, i * 977 + 1));
	}
	free(changed);
	free(in);
}

static void
replay(const char *target)
{
	const struct target *t = target_find(target);
	const char *out;
	char *names, *rest, *name;

	ck_assert_int_eq(host_run(NULL, "cp -r tests/fuzz/corpus $D/corpus"), 0);
	ck_assert_int_eq(host_run(&out, "ls tests/fuzz/corpus/%s", target), 0);
	target_boot();
	names = rest = strdup(out);
	while ((name = strsep(&rest, "\n")) != NULL && *name != '\0')
		run_one(t, name);
	free(names);
}

TEST(ext2) { replay("ext2"); }
TEST(ext3) { replay("ext3"); }
TEST(fat) { replay("fat"); }
TEST(iso9660) { replay("iso9660"); }
TEST(partition) { replay("partition"); }
TEST(cpio) { replay("cpio"); }
