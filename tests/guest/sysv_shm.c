/* SPDX-License-Identifier: BSD-2-Clause */
/* shmget(2), shmat(2), shmdt(2), shmctl(2). */
#define _GNU_SOURCE
#include <sys/shm.h>

#include "mem.h"
#include "ipc.h"

#define KEY		0x1a2b3c
#define HEAD		"       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      " \
			"dtime      ctime                   rss                  swap\n"
#define KERNEL		"/proc/sys/kernel/"
#ifndef SHM_STAT_ANY
#define SHM_STAT_ANY	15
#endif

static int
make(size_t size)
{
	return (int)ck_ok(shmget(IPC_PRIVATE, size, 0600 | IPC_CREAT));
}

static struct shmid_ds
stat_of(int id)
{
	struct shmid_ds ds;

	ck_ok(shmctl(id, IPC_STAT, &ds));
	return ds;
}

static void
destroy(int id)
{
	ck_ok(shmctl(id, IPC_RMID, NULL));
}

static char *
attach(int id, int flags)
{
	char *p = shmat(id, NULL, flags);

	ck_assert_msg(p != (char *)-1, "shmat: %s", strerror(errno));
	return p;
}

#define at(id, addr, flags)	((long)shmat(id, addr, flags))

START_TEST(keys_and_ids)
{
	int a = make(1), b = make(1), c;

	ck_assert_int_ne(a, b);
	ck_fails(shmget(KEY, 100, 0600), ENOENT);
	c = (int)ck_ok(shmget(KEY, 5000, 0600 | IPC_CREAT));
	ck_assert_int_eq(shmget(KEY, 0, 0), c);
	ck_assert_int_eq(shmget(KEY, 5000, 0600 | IPC_CREAT), c);
	ck_fails(shmget(KEY, 100, 0600 | IPC_CREAT | IPC_EXCL), EEXIST);
	ck_fails(shmget(KEY, 5001, 0600), EINVAL);
	ck_fails(shmget(KEY + 1, 0, 0600 | IPC_CREAT), EINVAL);
	ck_fails(shmget(IPC_PRIVATE, (size_t)-1, 0600), EINVAL);
	ck_fails(shmget(IPC_PRIVATE, 1UL << 46, 0600), ENOMEM);
	destroy(a);
	destroy(b);
	destroy(c);
	ck_fails(shmget(KEY, 0, 0), ENOENT);
	ck_fails(shmctl(c, IPC_RMID, NULL), EINVAL);
	ck_assert_int_ne(b, make(1));		/* an id is not given again at once */
	destroy(b + 2);
}
END_TEST

START_TEST(memory_is_shared)
{
	int id = make(3 * P + 1);
	char *p = attach(id, 0), *q = attach(id, 0);

	ck_assert_ptr_ne(p, q);
	for (size_t i = 0; i < 4 * P; i++)
		ck_assert_int_eq(p[i], 0);
	strcpy(p, "parent");
	ipc_wait(ipc_child({
		MUST(strcmp(p, "parent") == 0);
		strcpy(q + 3 * P, "child");
	}));
	ck_assert_str_eq(p + 3 * P, "child");
	ck_ok(shmdt(p));
	mem_catch();
	ck_faults(mem_sink = p[0], SIGSEGV, SEGV_MAPERR, p);
	ck_assert_str_eq(q, "parent");
	ck_ok(shmdt(q));
	p = attach(id, 0);
	ck_assert_str_eq(p + 3 * P, "child");	/* it stays without attachments */
	ck_ok(shmdt(p));
	destroy(id);
}
END_TEST

START_TEST(stat_tells)
{
	time_t before = time(NULL);
	int id = (int)ck_ok(shmget(KEY, 5000, 0640 | IPC_CREAT | IPC_EXCL));
	struct shmid_ds ds = stat_of(id);
	pid_t pid;
	char *p;

	ck_assert_int_eq(ds.shm_segsz, 5000);
	ck_assert_int_eq(ds.shm_cpid, getpid());
	ck_assert_int_eq(ds.shm_lpid, 0);
	ck_assert_int_eq(ds.shm_nattch, 0);
	ck_assert_int_eq(ds.shm_atime, 0);
	ck_assert_int_eq(ds.shm_dtime, 0);
	ck_assert(ds.shm_ctime >= before - 1 && ds.shm_ctime <= time(NULL));
	ck_assert_int_eq(ds.shm_perm.__ipc_perm_key, KEY);
	ck_assert_int_eq(ds.shm_perm.mode, 0640);
	ck_assert_int_eq(ds.shm_perm.uid, 0);
	ck_assert_int_eq(ds.shm_perm.cgid, 0);
	pid = ipc_child({
		p = shmat(id, NULL, 0);
		MUST(p != (void *)-1);
		pause();
	});
	while (stat_of(id).shm_lpid != pid)
		usleep(1000);
	ds = stat_of(id);
	ck_assert_int_eq(ds.shm_nattch, 1);
	ck_assert(ds.shm_atime >= before - 1 && ds.shm_dtime == 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ds = stat_of(id);
	ck_assert_int_eq(ds.shm_nattch, 0);
	ck_assert(ds.shm_dtime >= before - 1);
	ck_fails(shmctl(id, IPC_STAT, BAD_ADDRESS), EFAULT);
	ck_fails(shmctl(-1, IPC_STAT, &ds), EINVAL);
	ck_fails(shmctl(id + 32768, IPC_STAT, &ds), EINVAL);
	ck_fails(shmctl(id, 99, &ds), EINVAL);
	ck_fails(shmctl(id, -1, &ds), EINVAL);
	destroy(id);
}
END_TEST

START_TEST(attachments_are_counted)
{
	int id = make(3 * P), fd[2];
	char *p = attach(id, 0), *q;
	pid_t pid;

	ck_assert_int_eq(stat_of(id).shm_nattch, 1);
	ck_ok(pipe(fd));
	pid = ipc_child({		/* inherits it, and has it no more behind an exec */
		char c;
		MUST(read(fd[0], &c, 1) == 1);
		execl("/proc/self/exe", "sysv_shm", "pause", NULL);
		_exit(9);
	});
	ck_assert_int_eq(stat_of(id).shm_nattch, 2);
	ck_assert_int_eq(write(fd[1], "x", 1), 1);
	while (stat_of(id).shm_nattch != 1)
		usleep(1000);
	ck_assert_int_eq(stat_of(id).shm_lpid, pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ck_ok(munmap(p + P, P));	/* two parts now */
	ck_assert_int_eq(stat_of(id).shm_nattch, 2);
	q = mremap(p, P, P, MREMAP_MAYMOVE | MREMAP_FIXED, p + P);
	ck_assert_ptr_eq(q, p + P);
	ck_assert_int_eq(stat_of(id).shm_nattch, 2);
	ck_ok(munmap(p, 3 * P));
	ck_assert_int_eq(stat_of(id).shm_nattch, 0);
	destroy(id);
}
END_TEST

START_TEST(addresses)
{
	int id = make(2 * P), other;
	char *room = mmap(NULL, 16 * P, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *p;

	ck_fails(at(id, room, 0), EINVAL);			/* something is there */
	ck_ok(munmap(room + 4 * P, 8 * P));
	ck_fails(at(id, room + 4 * P + 8, 0), EINVAL);
	ck_fails(at(id, room + 3 * P, 0), EINVAL);
	ck_fails(at(id, room + 11 * P, 0), EINVAL);
	ck_assert_ptr_eq(shmat(id, room + 4 * P, 0), room + 4 * P);
	ck_assert_ptr_eq(shmat(id, room + 6 * P + 77, SHM_RND), room + 6 * P);
	ck_fails(at(id, NULL, SHM_REMAP), EINVAL);
	ck_fails(at(id, (char *)8, SHM_REMAP | SHM_RND), EINVAL);
	other = make(P);
	ck_assert_ptr_eq(shmat(other, room + 5 * P, SHM_REMAP), room + 5 * P);
	ck_assert_int_eq(stat_of(id).shm_nattch, 2);
	strcpy(room + 4 * P, "first");
	strcpy(room + 5 * P, "other");
	ck_assert_str_eq(room + 6 * P, "first");
	ck_assert_str_eq(room + 7 * P, "");
	ck_ok(shmdt(room + 4 * P));
	ck_assert_str_eq(room + 5 * P, "other");
	ck_assert_int_eq(stat_of(id).shm_nattch, 1);
	ck_fails(at(id + 32768, NULL, 0), EINVAL);
	ck_fails(at(-1, NULL, 0), EINVAL);
	ck_fails(shmdt(room + 7 * P), EINVAL);			/* not where it begins */
	ck_fails(shmdt(room + 6 * P + 1), EINVAL);
	ck_fails(shmdt(room), EINVAL);
	ck_fails(shmdt(NULL), EINVAL);
	ck_ok(munmap(room + 6 * P, P));
	ck_ok(shmdt(room + 6 * P));				/* what is left of it */
	ck_assert_int_eq(stat_of(id).shm_nattch, 0);
	p = (char *)0xffff888000000000;
	ck_fails(at(id, p, 0), ENOMEM);				/* the kernel's half */
	ck_ok(shmdt(room + 5 * P));
	destroy(id);
	destroy(other);
}
END_TEST

START_TEST(access_is_kept)
{
	int id = make(P);
	char *p = attach(id, SHM_RDONLY), text[8192], line[64];

	mem_catch();
	ck_faults(p[0] = 1, SIGSEGV, SEGV_ACCERR, p);
	ck_fails(mprotect(p, P, PROT_READ | PROT_WRITE), EACCES);
	ck_ok(shmdt(p));
	p = attach(id, SHM_EXEC);
	p[0] = (char)0xc3;					/* ret */
	((void (*)(void))p)();
	ipc_read("/proc/self/maps", text, sizeof(text));
	snprintf(line, sizeof(line), "%lx-%lx rwxs 00000000 ", (unsigned long)p, (unsigned long)p + P);
	ck_assert_msg(strstr(text, line) != NULL, "%s", text);
	ck_ok(shmdt(p));
	p = attach(id, 0);
	ck_ok(mprotect(p, P, PROT_READ));
	ck_ok(mprotect(p, P, PROT_READ | PROT_WRITE));
	ck_ok(shmdt(p));
	destroy(id);
}
END_TEST

START_TEST(permissions)
{
	int a = (int)ck_ok(shmget(IPC_PRIVATE, P, 0600)), b = (int)ck_ok(shmget(KEY, P, 0444 | IPC_CREAT)), c;
	struct shmid_ds ds = stat_of(b);
	char *p;

	ck_ok(at(b, NULL, 0));					/* root has CAP_IPC_OWNER */
	ck_ok(setgid(1000));
	ck_ok(setuid(1000));
	ck_fails(at(a, NULL, SHM_RDONLY), EACCES);
	ck_fails(shmctl(a, IPC_STAT, &ds), EACCES);
	ck_fails(shmctl(a, IPC_RMID, NULL), EPERM);
	ck_fails(shmctl(a, IPC_SET, &ds), EPERM);
	ck_fails(shmctl(a, SHM_LOCK, NULL), EPERM);
	ck_fails(shmctl(a, SHM_UNLOCK, NULL), EPERM);
	ck_fails(at(b, NULL, 0), EACCES);
	ck_fails(at(b, NULL, SHM_RDONLY | SHM_EXEC), EACCES);
	p = attach(b, SHM_RDONLY);
	ck_fails(shmget(KEY, 0, 0666), EACCES);
	ck_assert_int_eq(shmget(KEY, 0, 0444), b);
	ck_ok(shmdt(p));
	c = (int)ck_ok(shmget(IPC_PRIVATE, P, 0));		/* its own, and may not */
	ck_fails(at(c, NULL, SHM_RDONLY), EACCES);
	ck_fails(shmctl(c, IPC_STAT, &ds), EACCES);
	ck_ok(shmctl(c, IPC_RMID, NULL));
}
END_TEST

START_TEST(permissions_end)
{
	static char text[65536];
	int id;

	destroy((int)ck_ok(shmget(KEY, 0, 0)));
	ipc_read("/proc/sysvipc/shm", text, sizeof(text));
	for (char *line = strchr(text, '\n') + 1; *line != 0; line = strchr(line, '\n') + 1)
		if (sscanf(line, "%*d %d", &id) == 1)
			destroy(id);
}
END_TEST

START_TEST(set_changes)
{
	int id = make(P);
	struct shmid_ds ds = stat_of(id), now;

	ds.shm_perm.uid = 1000;
	ds.shm_perm.gid = 2000;
	ds.shm_perm.mode = 07770432;
	ds.shm_segsz = 1;
	ck_ok(shmctl(id, IPC_SET, &ds));
	now = stat_of(id);
	ck_assert_int_eq(now.shm_perm.uid, 1000);
	ck_assert_int_eq(now.shm_perm.gid, 2000);
	ck_assert_int_eq(now.shm_perm.cuid, 0);
	ck_assert_int_eq(now.shm_perm.mode, 0432);
	ck_assert_int_eq(now.shm_segsz, P);
	ck_fails(shmctl(id, IPC_SET, BAD_ADDRESS), EFAULT);
	ds.shm_perm.uid = (uid_t)-1;
	ck_fails(shmctl(id, IPC_SET, &ds), EINVAL);
	ipc_wait(ipc_child({
		MUST(setgid(2000) == 0 && setuid(1001) == 0);
		MUST(at(id, NULL, 0) == -1 && errno == EACCES);		/* group: 3, no read */
	}));
	ipc_wait(ipc_child({
		MUST(setuid(1000) == 0);
		MUST(at(id, NULL, SHM_RDONLY) != -1);			/* owner: 4 */
		MUST(shmctl(id, IPC_RMID, NULL) == 0);
	}));
	ck_fails(shmctl(id, IPC_STAT, &ds), EINVAL);
}
END_TEST

START_TEST(removed_lives_until_detached)
{
	int id = (int)ck_ok(shmget(KEY, P, 0600 | IPC_CREAT | IPC_EXCL)), next;
	char *p = attach(id, 0), *q;
	struct shmid_ds ds;

	strcpy(p, "still here");
	destroy(id);
	ck_fails(shmget(KEY, 0, 0), ENOENT);
	ds = stat_of(id);
	ck_assert_int_eq(ds.shm_perm.mode, 0600 | SHM_DEST);
	ck_assert_int_eq(ds.shm_perm.__ipc_perm_key, IPC_PRIVATE);
	next = (int)ck_ok(shmget(KEY, P, 0600 | IPC_CREAT | IPC_EXCL));
	ck_assert_int_ne(id, next);
	q = attach(id, 0);
	ck_assert_str_eq(q, "still here");
	ck_ok(shmdt(q));
	ck_ok(shmctl(id, IPC_RMID, NULL));			/* once more does no harm */
	ck_assert_int_eq(stat_of(id).shm_nattch, 1);
	ipc_wait(ipc_child(MUST(p[0] == 's')));
	ck_ok(shmdt(p));
	ck_fails(shmctl(id, IPC_STAT, &ds), EINVAL);
	destroy(next);
}
END_TEST

START_TEST(maps_show_segments)
{
	int id = (int)ck_ok(shmget(KEY, P, 0600 | IPC_CREAT));
	char *p = attach(id, 0), text[8192], line[128], *found;
	unsigned long inode;

	ipc_read("/proc/self/maps", text, sizeof(text));
	snprintf(line, sizeof(line), "%lx-%lx rw-s 00000000 ", (unsigned long)p, (unsigned long)p + P);
	found = strstr(text, line);
	ck_assert_ptr_ne(found, NULL);
	ck_assert_int_eq(sscanf(found, "%*s %*s %*s %*s %lu", &inode), 1);
	ck_assert_uint_eq(inode, id);
	ck_assert_ptr_ne(strstr(found, "/SYSV001a2b3c (deleted)\n"), NULL);
	ck_ok(shmdt(p));
	destroy(id);
}
END_TEST

START_TEST(locking)
{
	int id = make(4 * P), mine;
	struct rlimit rl = { 4 * P, 4 * P };

	ck_ok(shmctl(id, SHM_LOCK, NULL));
	ck_assert_int_eq(stat_of(id).shm_perm.mode, 0600 | SHM_LOCKED);
	ck_ok(shmctl(id, SHM_LOCK, NULL));
	ck_ok(shmctl(id, SHM_UNLOCK, NULL));
	ck_assert_int_eq(stat_of(id).shm_perm.mode, 0600);
	ck_ok(shmctl(id, SHM_UNLOCK, NULL));
	ck_fails(shmctl(id + 32768, SHM_LOCK, NULL), EINVAL);
	destroy(id);
	ck_ok(setrlimit(RLIMIT_MEMLOCK, &rl));
	ck_ok(setuid(1003));
	id = make(5 * P);
	ck_fails(shmctl(id, SHM_LOCK, NULL), ENOMEM);
	mine = make(3 * P);
	ck_ok(shmctl(mine, SHM_LOCK, NULL));
	destroy(id);
	id = make(2 * P);
	ck_fails(shmctl(id, SHM_LOCK, NULL), ENOMEM);		/* five pages in all */
	destroy(mine);
	ck_ok(shmctl(id, SHM_LOCK, NULL));
	rl = (struct rlimit){ 0, 0 };
	ck_ok(setrlimit(RLIMIT_MEMLOCK, &rl));
	ck_ok(shmctl(id, SHM_UNLOCK, NULL));
	ck_fails(shmctl(id, SHM_LOCK, NULL), EPERM);
	destroy(id);
}
END_TEST

START_TEST(info_tells)
{
	int id = make(3 * P), index = -1, top;
	struct shminfo limits;
	struct shm_info usage;
	struct shmid_ds ds;
	char *p = attach(id, 0);

	p[0] = p[P] = 1;
	top = (int)ck_ok(shmctl(0, IPC_INFO, (void *)&limits));
	ck_assert_uint_eq(limits.shmmni, 4096);
	ck_assert_uint_eq(limits.shmmin, 1);
	ck_assert_uint_eq(limits.shmseg, 4096);
	ck_assert_uint_eq(limits.shmmax, 18446744073692774399UL);
	ck_assert_uint_eq(limits.shmall, 18446744073692774399UL);
	ck_assert_int_eq(shmctl(0, SHM_INFO, (void *)&usage), top);
	ck_assert_int_eq(usage.__used_ids, 1);
	ck_assert_uint_eq(usage.shm_tot, 3);
	ck_assert_uint_eq(usage.shm_rss, 2);
	for (int i = 0; i <= top && index < 0; i++)
		if (shmctl(i, SHM_STAT, &ds) == id)
			index = i;
	ck_assert_int_ge(index, 0);
	ck_assert_int_eq(ds.shm_segsz, 3 * P);
	ck_fails(shmctl(index + 1, SHM_STAT, &ds), EINVAL);
	ck_fails(shmctl(0, IPC_INFO, BAD_ADDRESS), EFAULT);
	ck_fails(shmctl(0, SHM_INFO, BAD_ADDRESS), EFAULT);
	ipc_wait(ipc_child({
		MUST(setuid(1000) == 0);
		MUST(shmctl(index, SHM_STAT, &ds) == -1 && errno == EACCES);
		memset(&ds, 0, sizeof(ds));
		MUST(shmctl(index, SHM_STAT_ANY, &ds) == id && ds.shm_segsz == 3 * P);
	}));
	ck_ok(shmdt(p));
	destroy(id);
}
END_TEST

START_TEST(huge_pages_are_not_there)
{
	ck_fails(shmget(IPC_PRIVATE, 2 << 20, SHM_HUGETLB | 0600), ENOMEM);
	ck_fails(shmget(IPC_PRIVATE, 2 << 20, SHM_HUGETLB | (21 << 26) | 0600), ENOMEM);
	ck_fails(shmget(IPC_PRIVATE, 2 << 20, SHM_HUGETLB | (17 << 26) | 0600), EINVAL);
	ck_ok(setgid(1000));
	ck_ok(setuid(1000));
	ck_fails(shmget(IPC_PRIVATE, 2 << 20, SHM_HUGETLB | 0600), EPERM);
}
END_TEST

static long
committed(void)
{
	static char text[8192];
	long kb = -1;

	ipc_read("/proc/meminfo", text, sizeof(text));
	ck_assert_int_eq(sscanf(strstr(text, "Committed_AS:"), "Committed_AS: %ld", &kb), 1);
	return kb;
}

START_TEST(memory_is_promised)
{
	long before = committed(), with;
	int id = make(32 << 20);

	with = committed();
	ck_assert_int_ge(with - before, 30 << 10);
	destroy(id);
	ck_assert_int_le(committed() - before, 2 << 10);
	id = (int)ck_ok(shmget(IPC_PRIVATE, 32 << 20, 0600 | 010000 /* SHM_NORESERVE */));
	ck_assert_int_le(committed() - before, 2 << 10);
	destroy(id);
}
END_TEST

START_TEST(limits_end_it)
{
	int id[5], n;
	char text[128];

	ipc_read(KERNEL "shmmni", text, sizeof(text));
	ck_assert_str_eq(text, "4096\n");
	ipc_read(KERNEL "shmmax", text, sizeof(text));
	ck_assert_str_eq(text, "18446744073692774399\n");
	ipc_write(KERNEL "shmmni", "4");
	for (n = 0; n < 5 && (id[n] = shmget(IPC_PRIVATE, P, 0600)) >= 0; n++)
		;
	ck_assert_int_eq(errno, ENOSPC);
	ipc_write(KERNEL "shmmni", "4096");
	ck_assert_int_eq(n, 4);
	while (n > 0)
		destroy(id[--n]);
	ipc_write(KERNEL "shmall", "3");
	id[0] = make(2 * P);
	errno = 0;
	id[1] = shmget(IPC_PRIVATE, 2 * P, 0600);
	n = errno;
	ipc_write(KERNEL "shmall", "18446744073692774399");
	ck_assert(id[1] == -1 && n == ENOSPC);
	destroy(id[0]);
	ipc_write(KERNEL "shmmax", "4096");
	id[0] = shmget(IPC_PRIVATE, P + 1, 0600);
	n = errno;
	ipc_write(KERNEL "shmmax", "18446744073692774399");
	ck_assert(id[0] == -1 && n == EINVAL);
}
END_TEST

START_TEST(forced_removal)
{
	int id = make(P), orphan, fd[2];
	struct shmid_ds ds;
	char *p = attach(id, 0);

	ck_ok(pipe(fd));
	ipc_wait(ipc_child({
		orphan = shmget(IPC_PRIVATE, P, 0600);
		MUST(write(fd[1], &orphan, sizeof(orphan)) == sizeof(orphan));
	}));
	ck_assert_int_eq(read(fd[0], &orphan, sizeof(orphan)), sizeof(orphan));
	ck_ok(shmctl(orphan, IPC_STAT, &ds));
	ipc_write(KERNEL "shm_rmid_forced", "1");
	ck_fails(shmctl(orphan, IPC_STAT, &ds), EINVAL);	/* those without a creator go at once */
	ck_ok(shmctl(id, IPC_STAT, &ds));
	ck_ok(shmdt(p));
	ck_fails(shmctl(id, IPC_STAT, &ds), EINVAL);		/* others when they are detached */
	id = make(P);
	ipc_wait(ipc_child({
		orphan = shmget(IPC_PRIVATE, P, 0600);
		MUST(write(fd[1], &orphan, sizeof(orphan)) == sizeof(orphan));
	}));
	ck_assert_int_eq(read(fd[0], &orphan, sizeof(orphan)), sizeof(orphan));
	ck_fails(shmctl(orphan, IPC_STAT, &ds), EINVAL);	/* and with their creator */
	ck_ok(shmctl(id, IPC_STAT, &ds));
	ipc_write(KERNEL "shm_rmid_forced", "0");
	destroy(id);
}
END_TEST

START_TEST(no_memory_for_it)
{
	int id = make(64 << 20);
	struct rlimit rl = { 32 << 20, 32 << 20 };

	ck_ok(setrlimit(RLIMIT_AS, &rl));
	ck_fails(at(id, NULL, 0), ENOMEM);
	ck_assert_int_eq(stat_of(id).shm_nattch, 0);
	destroy(id);
}
END_TEST

/* Several processes make, attach, pass on and remove the segments of a few keys. */
START_TEST(storm)
{
	pid_t pid[4];

	for (int i = 0; i < 4; i++)
		pid[i] = ipc_child({
			unsigned int seed = (unsigned int)i + 1;
			for (int n = 0; n < 400; n++) {
				int id = shmget(KEY + rand_r(&seed) % 3, 2 * P, 0600 | IPC_CREAT);
				MUST(id >= 0 || errno == ENOENT);
				char *p = shmat(id, NULL, 0);
				if (p == (void *)-1) {
					MUST(errno == EINVAL || errno == EIDRM);
					continue;
				}
				p[rand_r(&seed) % (2 * P)]++;
				if (rand_r(&seed) % 4 == 0)
					MUST(shmctl(id, IPC_RMID, NULL) == 0 || errno == EINVAL || errno == EIDRM);
				if (rand_r(&seed) % 8 == 0) {
					pid_t c = fork();
					MUST(c >= 0);
					if (c == 0)
						_exit(0);
					MUST(waitpid(c, NULL, 0) == c);
				}
				MUST(shmdt(p) == 0);
			}
		});
	for (int i = 0; i < 4; i++)
		ipc_wait(pid[i]);
	for (int i = 0; i < 3; i++) {
		int id = shmget(KEY + i, 0, 0);

		if (id >= 0)
			destroy(id);
	}
}
END_TEST

START_TEST(table_is_listed)
{
	static char text[8192];
	int id = (int)ck_ok(shmget(KEY, 5000, 0640 | IPC_CREAT)), key, shown;
	unsigned int mode, cpid, lpid, uid;
	unsigned long size, nattch, rss;
	char *p = attach(id, 0);

	p[0] = 1;
	ck_assert_int_eq(ipc_lines("/proc/sysvipc/shm", HEAD), 1);
	ipc_read("/proc/sysvipc/shm", text, sizeof(text));
	ck_assert_int_eq(sscanf(text + strlen(HEAD), "%d %d %o %lu %u %u %lu %u %*u %*u %*u %*u %*u %*u %lu 0\n", &key, &shown, &mode, &size,
		&cpid, &lpid, &nattch, &uid, &rss), 9);
	ck_assert_int_eq(key, KEY);
	ck_assert_int_eq(shown, id);
	ck_assert_int_eq(mode, 0640);
	ck_assert_uint_eq(size, 5000);
	ck_assert_uint_eq(cpid, (unsigned int)getpid());
	ck_assert_uint_eq(nattch, 1);
	ck_assert_uint_eq(rss, P);
	ck_ok(shmdt(p));
	destroy(id);
	ck_assert_int_eq(ipc_lines("/proc/sysvipc/shm", HEAD), 0);	/* nothing is left of all the tests */
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("sysv_shm");
	TCase *t = tcase_create("core");

	if (argc > 1 && strcmp(argv[1], "pause") == 0)
		return pause();
	tcase_set_timeout(t, 60);
	tcase_add_test(t, keys_and_ids);
	tcase_add_test(t, memory_is_shared);
	tcase_add_test(t, stat_tells);
	tcase_add_test(t, attachments_are_counted);
	tcase_add_test(t, addresses);
	tcase_add_test(t, access_is_kept);
	tcase_add_test(t, permissions);
	tcase_add_test(t, permissions_end);
	tcase_add_test(t, set_changes);
	tcase_add_test(t, removed_lives_until_detached);
	tcase_add_test(t, maps_show_segments);
	tcase_add_test(t, locking);
	tcase_add_test(t, info_tells);
	tcase_add_test(t, huge_pages_are_not_there);
	tcase_add_test(t, memory_is_promised);
	tcase_add_test(t, limits_end_it);
	tcase_add_test(t, forced_removal);
	tcase_add_test(t, no_memory_for_it);
	tcase_add_test(t, storm);
	tcase_add_test(t, table_is_listed);
	suite_add_tcase(s, t);
	return guest_run(s);
}
