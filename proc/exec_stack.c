/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A new program's first stack, as the System V ABI (x86-64 supplement, 3.4.1) has it, from the top down: a zero word, the file's
 * name, environment and argument strings, the platform's name, 16 random bytes, the auxiliary vector, envp, argv, argc.
 */
#include "proc/exec.h"

#include "arch/thread.h"
#include "sys/random.h"
#include "sys/abi/auxv.h"

#define STACK_SPARE		(128 * KIB)	/* mapped from the start, below what is used */
#define SHUFFLE			8192		/* the first stack pointer varies within this */
#define AUXV_MAX		24		/* pairs; room in struct aspace */

int randomize_va_space = 2;

/* Words of the vectors: argc, argv and envp with their NULLs. */
static u64
vector_words(const struct exec_args *a)
{
	return 1 + (u64)a->argc + 1 + (u64)a->envc + 1;
}

int
exec_stack_map(struct exec *e)
{
	u64 size = ALIGN_UP(e->args.used + SHUFFLE + 256 + (vector_words(&e->args) + 2 * AUXV_MAX) * 8, PAGE_SIZE) + STACK_SPARE;

	e->stack_top = e->as->stack_start;	/* aspace_layout_random() chose it */
	return aspace_map_stack(e->as, e->stack_top, size, e->exec_stack);
}

struct auxv { u64 word[2 * AUXV_MAX]; u32 n; };

static void
aux(struct auxv *v, u64 type, u64 value)
{
	KASSERT(v->n + 2 <= ARRAY_SIZE(v->word));
	v->word[v->n++] = type;
	v->word[v->n++] = value;
}

static void
fill_auxv(struct auxv *v, const struct exec *e, u64 phdr_addr, u64 random, u64 platform)
{
	const struct cred *c = e->cred;

	v->n = 0;
	if (e->as->vdso != 0)
		aux(v, AT_SYSINFO_EHDR, e->as->vdso);
	aux(v, AT_MINSIGSTKSZ, arch_signal_min_stack());
	aux(v, AT_HWCAP, arch_elf_hwcap());
	aux(v, AT_PAGESZ, PAGE_SIZE);
	aux(v, AT_CLKTCK, USER_HZ);
	aux(v, AT_PHDR, phdr_addr);
	aux(v, AT_PHENT, sizeof(struct elf64_phdr));
	aux(v, AT_PHNUM, e->image->eh.e_phnum);
	aux(v, AT_BASE, e->interp != NULL ? e->interp->bias : 0);
	aux(v, AT_FLAGS, 0);
	aux(v, AT_ENTRY, e->image->eh.e_entry + e->image->bias);
	aux(v, AT_UID, c->uid.val);
	aux(v, AT_EUID, c->euid.val);
	aux(v, AT_GID, c->gid.val);
	aux(v, AT_EGID, c->egid.val);
	aux(v, AT_SECURE, e->secure);
	aux(v, AT_RANDOM, random);
	aux(v, AT_HWCAP2, arch_elf_hwcap2());
	aux(v, AT_EXECFN, e->stack_top - e->args.env_end);	/* the name was pushed first, right above the environment */
	aux(v, AT_PLATFORM, platform);
	aux(v, AT_NULL, 0);
}

static int
put(struct aspace *as, u64 to, const void *from, size_t n)
{
	return aspace_access(as, to, (void *)from, n, true, false) == (ssize_t)n ? 0 : -EFAULT;
}

/* argc, argv, NULL, envp, NULL into w: the strings lie one behind the other, arguments first. */
static u64 *
fill_vectors(u64 *w, const struct exec_args *a, u64 top)
{
	u64 distance = a->used;

	*w++ = a->argc;
	for (u32 i = 0; i < a->argc; i++) {
		*w++ = top - distance;
		distance -= exec_args_strlen(a, distance) + 1;
	}
	*w++ = 0;
	for (u32 i = 0; i < a->envc; i++) {
		*w++ = top - distance;
		distance -= exec_args_strlen(a, distance) + 1;
	}
	*w++ = 0;
	return w;
}

int
exec_stack_build(struct exec *e, u64 phdr_addr)
{
	const char *platform = arch_elf_platform();
	struct aspace *as = e->as;
	u64 top = e->stack_top, sp = top - e->args.used, platform_addr, random_addr, size, *words, *w;
	struct auxv v;
	u8 random[16];
	int err;

	as->stack_start = sp;
	as->arg_start = sp;
	as->arg_end = as->env_start = top - e->args.args_end;
	as->env_end = top - e->args.env_end;
	if (exec_randomizes())
		sp -= random_u64() % SHUFFLE;
	sp &= ~15UL;
	platform_addr = sp -= strlen(platform) + 1;
	random_addr = sp -= sizeof(random);
	random_bytes(random, sizeof(random));
	fill_auxv(&v, e, phdr_addr, random_addr, platform_addr);
	memcpy(as->auxv, v.word, v.n * sizeof(u64));

	size = (vector_words(&e->args) + v.n) * sizeof(u64);
	sp = (sp - size) & ~15UL;
	words = kmem_valloc(size, KM_USER);
	if (words == NULL)
		return -ENOMEM;
	w = fill_vectors(words, &e->args, top);
	memcpy(w, v.word, v.n * sizeof(u64));
	err = exec_args_write(&e->args, as, top);
	if (err == 0)
		err = put(as, platform_addr, platform, strlen(platform) + 1);
	if (err == 0)
		err = put(as, random_addr, random, sizeof(random));
	if (err == 0)
		err = put(as, sp, words, size);
	kmem_vfree(words);
	e->stack = sp;
	return err;
}
