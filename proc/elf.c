/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading ELF64 programs (System V ABI, chapters 4 and 5): fixed and position-independent ones, with or without an interpreter.
 *
 * What the headers say is checked before the point of no return, in Linux's order, so that a bad file gives Linux's errno. What
 * goes wrong afterwards, in mapping, is fatal for the process, also as on Linux.
 */
#include "proc/exec.h"

#define ELF_MACHINE	EM_X86_64

static inline u64 page_down(u64 a) { return ALIGN_DOWN(a, PAGE_SIZE); }
static inline u64 page_up(u64 a) { return ALIGN_UP(a, PAGE_SIZE); }
static inline u64 in_page(u64 a) { return a & (PAGE_SIZE - 1); }
static inline bool bad_address(u64 a) { return a >= ARCH_USER_MAX; }

/* --- before the point of no return --- */

int
exec_read_exact(struct file *f, void *buf, size_t len, u64 off)
{
	off_t pos = (off_t)off;
	ssize_t n;

	if (pos < 0)
		return -EIO;
	n = file_read_kernel(f, buf, len, &pos);
	return n < 0 ? (int)n : (size_t)n != len ? -EIO : 0;
}

/* The program headers: at most one page of them. */
static int
read_phdrs(struct elf_image *img)
{
	size_t size = (size_t)img->eh.e_phnum * sizeof(*img->ph);
	int err;

	if (img->eh.e_phentsize != sizeof(*img->ph) || size == 0 || size > PAGE_SIZE)
		return -ENOEXEC;
	img->ph = kmem_alloc(size, KM_USER);
	if (img->ph == NULL)
		return -ENOMEM;
	err = exec_read_exact(img->file, img->ph, size, img->eh.e_phoff);
	return err != 0 ? -ENOEXEC : 0;
}

static bool
valid_header(const struct elf64_ehdr *eh)
{
	return memcmp(eh->e_ident, ELFMAG, SELFMAG) == 0 && eh->e_machine == ELF_MACHINE;
}

static int
open_interpreter(struct exec *e, const struct elf64_phdr *ph)
{
	struct elf_image *img;
	struct file *file;
	char *path;
	int err;

	if (ph->p_filesz > PATH_MAX_K || ph->p_filesz < 2)
		return -ENOEXEC;
	path = kmem_alloc(ph->p_filesz, KM_USER);
	img = e->interp = kmem_alloc(sizeof(*img), KM_USER | KM_ZERO);
	err = path == NULL || img == NULL ? -ENOMEM : exec_read_exact(e->file, path, ph->p_filesz, ph->p_offset);
	if (err == 0 && path[ph->p_filesz - 1] != '\0')
		err = -ENOEXEC;
	if (err == 0)
		err = file_open_exec(AT_FDCWD, path, LOOKUP_FOLLOW | LOOKUP_EMPTY, &file);
	if (err == 0) {
		img->file = file;
		err = exec_read_exact(file, &img->eh, sizeof(img->eh), 0);
	}
	kmem_free(path);
	return err;
}

int
elf_prepare(struct exec *e)
{
	struct elf_image *img;
	int err;

	img = e->image = kmem_alloc(sizeof(*img), KM_USER | KM_ZERO);
	if (img == NULL)
		return -ENOMEM;
	img->file = e->file;
	memcpy(&img->eh, e->head, sizeof(img->eh));
	if (!valid_header(&img->eh) || (img->eh.e_type != ET_EXEC && img->eh.e_type != ET_DYN) || e->file->ops->mmap == NULL)
		return -ENOEXEC;
	err = read_phdrs(img);
	if (err != 0)
		return err;
	for (u32 i = 0; i < img->eh.e_phnum; i++) {
		if (img->ph[i].p_type == PT_INTERP && e->interp == NULL && (err = open_interpreter(e, &img->ph[i])) != 0)
			return err;
		if (img->ph[i].p_type == PT_GNU_STACK)
			e->exec_stack = (img->ph[i].p_flags & PF_X) != 0;
	}
	if (e->interp == NULL)
		return 0;
	if (!valid_header(&e->interp->eh))
		return -ELIBBAD;
	err = read_phdrs(e->interp);
	return err == -ENOEXEC ? -ELIBBAD : err;
}

void
elf_free(struct exec *e)
{
	if (e->image != NULL)
		kmem_free(e->image->ph);
	kmem_free(e->image);
	if (e->interp != NULL) {
		if (e->interp->file != NULL) {
			file_allow_write(e->interp->file);
			file_put(e->interp->file);
		}
		kmem_free(e->interp->ph);
	}
	kmem_free(e->interp);
	e->image = e->interp = NULL;
}

/* --- after it --- */

static u32
prot_of(const struct elf64_phdr *ph)
{
	return ((ph->p_flags & PF_R) != 0 ? PROT_READ : 0) | ((ph->p_flags & PF_W) != 0 ? PROT_WRITE : 0) |
		((ph->p_flags & PF_X) != 0 ? PROT_EXEC : 0);
}

/* From the first segment's page to the last one's end; 0: there are none, or they wrap. */
static u64
total_size(const struct elf_image *img)
{
	u64 min = ~0UL, max = 0;

	for (u32 i = 0; i < img->eh.e_phnum; i++) {
		const struct elf64_phdr *ph = &img->ph[i];

		if (ph->p_type != PT_LOAD)
			continue;
		min = MIN(min, page_down(ph->p_vaddr));
		max = MAX(max, ph->p_vaddr + ph->p_memsz);
	}
	return min != ~0UL && max > min ? max - min : 0;
}

static u64
max_alignment(const struct elf_image *img)
{
	u64 align = 0;

	for (u32 i = 0; i < img->eh.e_phnum; i++) {
		u64 a = img->ph[i].p_align;

		if (img->ph[i].p_type == PT_LOAD && a != 0 && (a & (a - 1)) == 0)
			align = MAX(align, a);
	}
	return page_up(align);
}

/* Map the file part of a segment. total: also reserve that much behind its start, by mapping it all and cutting the rest off. */
static long
map_segment(struct aspace *as, const struct elf_image *img, const struct elf64_phdr *ph, u64 addr, u32 flags, u64 total)
{
	u64 size = page_up(ph->p_filesz + in_page(ph->p_vaddr)), off = ph->p_offset - in_page(ph->p_vaddr);
	long at;

	addr = page_down(addr);
	if (size == 0)
		return (long)addr;
	total = page_up(total);
	at = aspace_mmap(as, addr, MAX(size, total), prot_of(ph), flags | MAP_PRIVATE, img->file, off);
	if (at >= 0 && total > size) {
		int err = aspace_munmap(as, (u64)at + size, total - size);

		if (err != 0)
			return err;
	}
	return at;
}

/* Zero the rest of the page behind `from`. */
static int
zero_tail(struct aspace *as, u64 from)
{
	static const char zeros[PAGE_SIZE];
	size_t n = PAGE_SIZE - in_page(from);

	if (in_page(from) == 0)
		return 0;
	return aspace_access(as, from, (void *)zeros, n, true, false) == (ssize_t)n ? 0 : -EFAULT;
}

/* What the segments seen so far cover; addresses without the bias. */
struct span {
	u64 code_start, code_end, data_start, data_end;
	u64 file_end;		/* of the segment reaching furthest */
	u64 mem_end;
	u32 mem_prot;
};

/* Anonymous memory between the end of what files fill and the end of what the segments want. */
static int
map_bss(struct aspace *as, const struct span *s, u64 bias)
{
	u64 start = page_up(s->file_end + bias), end = page_up(s->mem_end + bias);
	long at;

	if (end <= start)
		return 0;
	at = aspace_mmap(as, start, end - start, PROT_READ | PROT_WRITE | (s->mem_prot & PROT_EXEC),
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0);
	return at < 0 ? (int)at : 0;
}

static void
span_add(struct span *s, const struct elf64_phdr *ph)
{
	u64 file_end = ph->p_vaddr + ph->p_filesz, mem_end = ph->p_vaddr + ph->p_memsz;

	if ((ph->p_flags & PF_X) != 0) {
		s->code_start = MIN(s->code_start, ph->p_vaddr);
		s->code_end = MAX(s->code_end, file_end);
	}
	s->data_start = MAX(s->data_start, ph->p_vaddr);
	s->data_end = MAX(s->data_end, file_end);
	s->file_end = MAX(s->file_end, file_end);
	if (mem_end > s->mem_end) {
		s->mem_end = mem_end;
		s->mem_prot = prot_of(ph);
	}
}

/* Where the first segment of a position-independent image is to go, and how. 0: wherever there is room. */
static u64
choose_base(const struct exec *e, const struct elf_image *img, u32 *flags)
{
	u64 base, align;

	if (img != e->image || e->interp == NULL)
		return 0;
	base = aspace_pie_base(exec_randomizes());
	align = max_alignment(img);
	if (align != 0)
		base &= ~(align - 1);
	*flags |= MAP_FIXED_NOREPLACE;
	return base;
}

/* Map all segments of an image; its bias and what they span. */
static int
map_image(struct exec *e, struct elf_image *img, struct span *s)
{
	struct aspace *as = e->as;
	bool first = true;
	int err;

	*s = (struct span){ .code_start = ~0UL };
	for (u32 i = 0; i < img->eh.e_phnum; i++) {
		const struct elf64_phdr *ph = &img->ph[i];
		u32 flags = first ? 0 : MAP_FIXED;
		u64 total = 0, want;
		long at;

		if (ph->p_type != PT_LOAD)
			continue;
		if (s->mem_end > s->file_end) {		/* a bss with a segment behind it */
			err = map_bss(as, s, img->bias);
			if (err != 0)
				return err;
			(void)zero_tail(as, s->file_end + img->bias);
			s->file_end = s->mem_end;
		}
		want = img->bias + ph->p_vaddr;
		if (first && img->eh.e_type == ET_EXEC) {
			flags = MAP_FIXED_NOREPLACE;
		} else if (first) {
			want = choose_base(e, img, &flags);
			total = total_size(img);
			if (total == 0)
				return -EINVAL;
		}
		at = map_segment(as, img, ph, want, flags, total);
		if (at < 0 || bad_address((u64)at))
			return at < 0 ? (int)at : -EINVAL;
		if (first && img->eh.e_type == ET_DYN)
			img->bias = (u64)at - page_down(ph->p_vaddr);
		first = false;
		if (bad_address(ph->p_vaddr) || ph->p_filesz > ph->p_memsz || ph->p_memsz > ARCH_USER_MAX ||
		    ARCH_USER_MAX - ph->p_memsz < ph->p_vaddr)
			return -EINVAL;
		span_add(s, ph);
	}
	err = map_bss(as, s, img->bias);
	if (err == 0 && s->mem_end != s->file_end)
		err = zero_tail(as, s->file_end + img->bias);
	return err;
}

/* Where the program finds its own headers, or 0. */
static u64
phdr_address(const struct elf_image *img)
{
	for (u32 i = 0; i < img->eh.e_phnum; i++) {
		const struct elf64_phdr *ph = &img->ph[i];

		if (ph->p_type == PT_LOAD && ph->p_offset <= img->eh.e_phoff && img->eh.e_phoff < ph->p_offset + ph->p_filesz)
			return img->eh.e_phoff - ph->p_offset + ph->p_vaddr + img->bias;
	}
	return 0;
}

static void
set_layout(struct exec *e, const struct span *s)
{
	struct aspace *as = e->as;
	bool random_brk = exec_randomizes() && READ_ONCE(randomize_va_space) > 1;
	u64 bias = e->image->bias, brk = s->mem_end + bias;

	if (random_brk && e->image->eh.e_type == ET_DYN && e->interp == NULL)
		brk = aspace_pie_base(false);	/* a static PIE lies among the mappings: no room behind it */
	as->code_start = (s->code_start != ~0UL ? s->code_start : 0) + bias;
	as->code_end = s->code_end + bias;
	as->data_start = s->data_start + bias;
	as->data_end = s->data_end + bias;
	aspace_set_brk(as, brk, random_brk);
}

int
elf_load(struct exec *e)
{
	struct span s, interp_span;
	int err;

	err = exec_stack_map(e);
	if (err == 0)
		err = map_image(e, e->image, &s);
	if (err != 0)
		return err;
	e->entry = e->image->eh.e_entry + e->image->bias;
	set_layout(e, &s);
	if (e->interp != NULL) {
		if (e->interp->eh.e_type != ET_EXEC && e->interp->eh.e_type != ET_DYN)
			return -ELIBBAD;
		err = map_image(e, e->interp, &interp_span);
		if (err != 0)
			return err;
		e->entry = e->interp->eh.e_entry + e->interp->bias;
	}
	if (bad_address(e->entry))
		return -EINVAL;
	err = vdso_map(e->as, e->stack_top);
	return err == 0 ? exec_stack_build(e, phdr_address(e->image)) : err;
}
