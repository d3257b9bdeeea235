/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The strings of a new program: argv, envp and the file's name, collected in kernel pages before the new address space is there,
 * in the order in which they will lie below the stack's top. Limits are Linux's: a string has at most 128 KiB with its NUL; all
 * together, with their pointers, at most a quarter of RLIMIT_STACK, at least 128 KiB, at most 6 MiB (execve(2)).
 */
#include "proc/exec.h"

#define ARGS_MIN	(128 * KIB)
#define ARGS_MAX	(6 * MIB)
#define TOP_GAP		8	/* a zero word ends it all */

/* Number of pointers before the NULL. -EFAULT, -E2BIG, -EINTR (killed meanwhile). */
static long
count(u64 uvec, char *const *kvec)
{
	u64 n, ptr;

	if (kvec != NULL) {
		for (n = 0; kvec[n] != NULL; n++)
			;
		return (long)n;
	}
	if (uvec == 0)
		return 0;
	for (n = 0; n < INT32_MAX; n++) {
		if (get_user_u64(&ptr, (const u64 __user *)uvec + n) != 0)
			return -EFAULT;
		if (ptr == 0)
			return (long)n;
		if (thread_fatal_pending(thread_current()))
			return -EINTR;
	}
	return -E2BIG;
}

int
exec_args_init(struct exec_args *a, const struct exec_vectors *v)
{
	long argc = count(v->uargv, v->kargv), envc = count(v->uenvp, v->kenvp);
	u64 limit = MIN(ARGS_MAX, rlimit_current(RLIMIT_STACK) / 4), pointers;

	if (argc < 0 || envc < 0)
		return (int)(argc < 0 ? argc : envc);
	limit = MAX(limit, ARGS_MIN);
	pointers = ((u64)MAX(argc, 1L) + (u64)envc) * sizeof(u64);
	if (limit <= pointers)
		return -E2BIG;
	a->limit = limit - pointers + TOP_GAP;
	a->used = TOP_GAP;
	a->argc = (u32)argc;
	a->envc = (u32)envc;
	return 0;
}

void
exec_args_free(struct exec_args *a)
{
	for (u32 i = 0; i < a->nr_pages; i++)
		kmem_free(a->page[i]);
	kmem_free(a->page);
	kmem_vfree(a->buf);
	a->page = NULL;
	a->buf = NULL;
	a->nr_pages = 0;
}

/* The address of the byte at a distance (> 0), its page allocated. NULL: no memory. */
static char *
byte_at(struct exec_args *a, u64 distance)
{
	u64 i = (distance - 1) / PAGE_SIZE;
	char **pages;

	if (i >= a->nr_pages) {
		pages = kmem_alloc_array(i + 8, sizeof(*pages), KM_USER | KM_ZERO);
		if (pages == NULL)
			return NULL;
		if (a->nr_pages != 0)
			memcpy(pages, a->page, a->nr_pages * sizeof(*pages));
		kmem_free(a->page);
		a->page = pages;
		a->nr_pages = (u32)i + 8;
	}
	if (a->page[i] == NULL && (a->page[i] = kmem_alloc(PAGE_SIZE, KM_USER | KM_ZERO)) == NULL)
		return NULL;
	return a->page[i] + PAGE_SIZE - 1 - (distance - 1) % PAGE_SIZE;
}

/* n bytes, NUL included, go below what is there. */
static int
push_bytes(struct exec_args *a, const char *s, size_t n)
{
	u64 distance = a->used + n;
	size_t chunk;
	char *to;

	if (n > ARG_MAX_STRLEN || distance > a->limit)
		return -E2BIG;
	for (size_t done = 0; done < n; done += chunk) {
		to = byte_at(a, distance - done);
		if (to == NULL)
			return -ENOMEM;
		chunk = MIN(n - done, PAGE_SIZE - ((uintptr_t)to & (PAGE_SIZE - 1)));
		memcpy(to, s + done, chunk);
	}
	a->used = distance;
	return 0;
}

int
exec_args_push(struct exec_args *a, const char *s)
{
	return push_bytes(a, s, strlen(s) + 1);
}

static int
push_user(struct exec_args *a, const char __user *u)
{
	ssize_t n;

	if (a->buf == NULL && (a->buf = kmem_valloc(ARG_MAX_STRLEN, KM_USER)) == NULL)
		return -ENOMEM;
	n = copy_string_from_user(a->buf, u, ARG_MAX_STRLEN);
	if (n < 0)
		return n == -ENAMETOOLONG ? -E2BIG : (int)n;
	return push_bytes(a, a->buf, (size_t)n + 1);
}

static int
push_vector(struct exec_args *a, u64 uvec, char *const *kvec, u32 n)
{
	u64 ptr;
	int err = 0;

	while (n-- > 0 && err == 0) {
		if (kvec != NULL) {
			err = exec_args_push(a, kvec[n]);
			continue;
		}
		err = get_user_u64(&ptr, (const u64 __user *)uvec + n);
		if (err == 0)
			err = push_user(a, (const char __user *)ptr);
		if (thread_fatal_pending(thread_current()))
			err = -EINTR;
	}
	return err;
}

/* The environment, and below it the arguments; a missing argv[0] becomes an empty string. */
int
exec_args_push_vectors(struct exec_args *a, const struct exec_vectors *v)
{
	int err;

	a->env_end = a->used;
	err = push_vector(a, v->uenvp, v->kenvp, a->envc);
	if (err != 0)
		return err;
	a->args_end = a->used;
	err = push_vector(a, v->uargv, v->kargv, a->argc);
	if (err == 0 && a->argc == 0) {
		a->argc = 1;
		err = exec_args_push(a, "");
	}
	kmem_vfree(a->buf);
	a->buf = NULL;
	return err;
}

/* Length of the string whose first byte is at the distance. */
size_t
exec_args_strlen(const struct exec_args *a, u64 distance)
{
	size_t n = 0, room;
	char *s, *end;

	for (;;) {
		s = byte_at((struct exec_args *)a, distance - n);	/* is there: nothing is allocated */
		room = PAGE_SIZE - ((uintptr_t)s & (PAGE_SIZE - 1));
		end = memchr(s, '\0', room);
		if (end != NULL)
			return n + (size_t)(end - s);
		n += room;
	}
}

/* A script's argv[0] makes way for its interpreter's arguments. */
int
exec_args_pop(struct exec_args *a)
{
	if (a->argc == 0)
		return -EFAULT;
	a->used -= exec_args_strlen(a, a->used) + 1;
	a->argc--;
	return 0;
}

/* Copy all to the space's stack, which ends at top. */
int
exec_args_write(const struct exec_args *a, struct aspace *as, vaddr_t top)
{
	u64 from, n;

	for (u32 i = 0; i < a->nr_pages && (u64)i * PAGE_SIZE < a->used; i++) {
		if (a->page[i] == NULL)
			continue;
		n = MIN(a->used - (u64)i * PAGE_SIZE, PAGE_SIZE);
		from = PAGE_SIZE - n;
		if (aspace_access(as, top - (i + 1) * PAGE_SIZE + from, a->page[i] + from, n, true, false) != (ssize_t)n)
			return -EFAULT;
	}
	return 0;
}
