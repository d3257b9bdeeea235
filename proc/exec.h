/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of exec share: exec.c (the course of it), exec_args.c, exec_cred.c, elf.c. */
#ifndef PROC_EXEC_H
#define PROC_EXEC_H

#include "fs/path.h"
#include "proc/proc.h"
#include "sys/file.h"
#include "sys/lib/elf.h"

#define EXEC_HEAD_SIZE	256		/* of the file: ELF header or #! line */
#define ARG_MAX_STRLEN	(32 * PAGE_SIZE)

/* An ELF file whose headers were read. */
struct elf_image {
	struct file *file;		/* interpreter: own reference, write denied */
	struct elf64_ehdr eh;
	struct elf64_phdr *ph;		/* eh.e_phnum of them */
	u64 bias;			/* what was added to its addresses */
};

/* Strings for the new stack, collected from its top down, in pages of their own. "Distance" is counted from the top: the first
 * byte of a string of n bytes that was pushed when `used` was u lies at distance u + n. */
struct exec_args {
	char **page;			/* by distance / PAGE_SIZE; NULL: nothing there yet */
	u32 nr_pages;			/* room in page[] */
	u64 used;			/* distance of the lowest byte */
	u64 limit;			/* greatest distance allowed */
	u32 argc, envc;
	u64 args_end, env_end;		/* distance of the ends (exclusive: the byte above the last) */
	char *buf;			/* copy buffer, ARG_MAX_STRLEN, or NULL */
};

/* Where argv and envp come from: the user's arrays, or (init) the kernel's. */
struct exec_vectors { u64 uargv, uenvp; char *const *kargv; char *const *kenvp; };

struct exec {
	char head[EXEC_HEAD_SIZE];	/* of the file at hand, zero-filled */
	struct file *file;		/* at hand: the script, its interpreter, ... the binary; reference, write denied */
	char *filename;			/* what AT_EXECFN says: kmem */
	bool by_fd_cloexec;		/* the file will not be reachable by name: scripts cannot work */
	struct exec_args args;
	struct cred *cred;		/* the new one, until it is committed */
	bool secure;			/* AT_SECURE */
	bool ids_changed;
	bool fs_shared;			/* another process shares root and cwd */
	/* ELF */
	struct elf_image *image, *interp;	/* interp: PT_INTERP's, or NULL */
	struct aspace *as;		/* the new space, until it is taken */
	bool exec_stack;
	vaddr_t stack_top;
	u64 entry, stack;		/* where user mode starts */
};

int __must_check exec_args_init(struct exec_args *a, const struct exec_vectors *v);
void exec_args_free(struct exec_args *a);
int __must_check exec_args_push(struct exec_args *a, const char *s);		/* kernel string */
int __must_check exec_args_push_vectors(struct exec_args *a, const struct exec_vectors *v);
int exec_args_pop(struct exec_args *a);				/* drop the lowest string (argv[0]) */
size_t exec_args_strlen(const struct exec_args *a, u64 distance);
int __must_check exec_args_write(const struct exec_args *a, struct aspace *as, vaddr_t top);

int exec_cred_compute(struct exec *e);
int exec_read_exact(struct file *f, void *buf, size_t len, u64 off);

/* elf.c. Check and read headers, open the interpreter: -ENOEXEC, -ELIBBAD, -EIO, -ENOMEM ... before the point of no return. */
int __must_check elf_prepare(struct exec *e);
/* Map everything into the new space e->as, build the stack. An error is fatal for the process. */
int __must_check elf_load(struct exec *e);
void elf_free(struct exec *e);

/* exec_stack.c: the stack with strings, vectors and the auxiliary vector; e->image and e->interp are mapped. */
int __must_check exec_stack_map(struct exec *e);
int __must_check exec_stack_build(struct exec *e, u64 phdr_addr);
/* vdso.c */
int __must_check vdso_map(struct aspace *as, vaddr_t stack_top);

extern int randomize_va_space;	/* [a] 0: off, 1: all but the heap, 2: all */
static inline bool
exec_randomizes(void)
{
	return READ_ONCE(randomize_va_space) != 0 && (process_current()->personality & 0x0040000 /* ADDR_NO_RANDOMIZE */) == 0;
}

#endif
