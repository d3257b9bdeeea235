/* SPDX-License-Identifier: BSD-2-Clause */
/* /proc/PID/maps and smaps, in the format of proc(5) as Linux 6.1 prints it. */
#include "mm/vma.h"
#include "sys/file.h"
#include "sys/lib/printf.h"

#define NAME_COLUMN	73	/* where a name starts, from the start of the line */

static const char *
plain_name(struct vma *v)
{
	struct aspace *as = v->as;

	if (v->ops != NULL && v->ops->name != NULL)
		return v->ops->name(v);
	if (v->shared != NULL)
		return "/dev/zero (deleted)";
	if (v->file != NULL)
		return NULL;
	if (as->brk_start != as->brk && v->start <= as->brk && v->end >= as->brk_start)
		return "[heap]";
	if (v->start <= as->stack_start && v->end >= as->stack_start)
		return "[stack]";
	return NULL;
}

static void
show_line(struct vma *v, struct strbuf *out)
{
	const char *name = plain_name(v);
	size_t line = out->len;
	dev_t dev = 0;
	u64 ino = 0;

	if (v->file != NULL) {
		file_identity(v->file, &dev, &ino);
	} else if (v->shared != NULL) {
		dev = 1;	/* the kernel's own memory file system, device 0:1 */
		ino = (u64)v->shared >> 6 & 0xffffff;
	}
	strbuf_printf(out, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu ", v->start, v->end, v->prot & PROT_READ ? 'r' : '-',
		v->prot & PROT_WRITE ? 'w' : '-', v->prot & PROT_EXEC ? 'x' : '-', v->flags & VM_SHARED ? 's' : 'p',
		v->mapping != NULL || v->file != NULL ? v->pgoff << PAGE_SHIFT : 0UL, (u32)(dev >> 8 & 0xfff), (u32)(dev & 0xff), ino);
	if (name != NULL || v->file != NULL) {
		while (out->len - line < NAME_COLUMN && !out->overflow)
			strbuf_putc(out, ' ');
		if (name != NULL)
			strbuf_puts(out, name);
		else
			file_show_path(v->file, out);
	}
	strbuf_putc(out, '\n');
}

/* --- smaps --- */

struct sizes {		/* bytes; pss in 1/4096 of them */
	u64 rss, pss, pss_dirty, shared_clean, shared_dirty, private_clean, private_dirty, referenced, anonymous, huge;
};

static void
add_entry(struct sizes *z, pte_t e, bool huge)
{
	u64 bytes = huge ? HUGE_PAGE_SIZE : PAGE_SIZE, share;
	struct page *head;
	bool dirty;
	s32 maps;

	if (!arch_pte_present(e) || pte_special(e))
		return;
	head = page_head(pfn_to_page(arch_pte_pfn(e)));
	maps = atomic_load_relaxed(&head->mapcount);
	if (!huge && page_order(head) != 0)
		maps = maps > (s32)(1U << page_order(head)) ? 2 : 1;	/* a part of a compound page: the count is of the whole */
	maps = MAX(maps, 1);
	dirty = arch_pte_dirty(e) || page_flag(head, PG_DIRTY);
	share = (bytes << 12) / (u64)maps;
	z->rss += bytes;
	z->pss += share;
	if (dirty)
		z->pss_dirty += share;
	*(maps > 1 ? (dirty ? &z->shared_dirty : &z->shared_clean) : (dirty ? &z->private_dirty : &z->private_clean)) += bytes;
	if (arch_pte_accessed(e))
		z->referenced += bytes;
	if (page_flag(head, PG_ANON))
		z->anonymous += bytes;
	if (huge)
		z->huge += bytes;
}

static void
measure(struct vma *v, struct sizes *z)
{
	vaddr_t va = v->start;
	struct span s;

	while (va < v->end && span_next(v->as, va, v->end, &s)) {
		u64 step = s.huge ? HUGE_PAGE_SIZE : PAGE_SIZE;

		for (pte_t *pte = s.pte; s.va < s.end; s.va += step, pte++)
			add_entry(z, arch_pte_read(pte), s.huge);
		spin_unlock(s.lock);
		va = s.end;
	}
}

static void
show_flags(struct vma *v, struct strbuf *out)
{
	static const struct { u32 bit; char name[3]; } names[] = {
		{ VM_MAYREAD, "mr" }, { VM_MAYWRITE, "mw" }, { VM_MAYEXEC, "me" }, { VM_SHARED, "ms" }, { VM_GROWSDOWN, "gd" },
		{ VM_PFNMAP, "pf" }, { VM_LOCKED, "lo" }, { VM_IO, "io" }, { VM_SEQREAD, "sr" }, { VM_RANDREAD, "rr" },
		{ VM_DONTCOPY, "dc" }, { VM_DONTEXPAND, "de" }, { VM_ACCOUNT, "ac" }, { VM_NORESERVE, "nr" },
		{ VM_WIPEONFORK, "wf" }, { VM_DONTDUMP, "dd" }, { VM_HUGEPAGE, "hg" }, { VM_NOHUGEPAGE, "nh" },
	};

	strbuf_puts(out, "VmFlags: ");
	if (v->prot & PROT_READ)
		strbuf_puts(out, "rd ");
	if (v->prot & PROT_WRITE)
		strbuf_puts(out, "wr ");
	if (v->prot & PROT_EXEC)
		strbuf_puts(out, "ex ");
	if (v->flags & VM_SHARED)
		strbuf_puts(out, "sh ");
	for (u32 i = 0; i < ARRAY_SIZE(names); i++)
		if (v->flags & names[i].bit)
			strbuf_printf(out, "%s ", names[i].name);
	strbuf_putc(out, '\n');
}

static void
show_sizes(struct vma *v, struct strbuf *out)
{
	struct sizes z = { 0 };
	u64 pss;

	measure(v, &z);
	pss = z.pss >> 12;
	const struct { const char *name; u64 bytes; } rows[] = {
		{ "Size:", v->end - v->start }, { "KernelPageSize:", PAGE_SIZE }, { "MMUPageSize:", PAGE_SIZE }, { "Rss:", z.rss },
		{ "Pss:", pss }, { "Pss_Dirty:", z.pss_dirty >> 12 }, { "Shared_Clean:", z.shared_clean },
		{ "Shared_Dirty:", z.shared_dirty }, { "Private_Clean:", z.private_clean },
		{ "Private_Dirty:", z.private_dirty }, { "Referenced:", z.referenced }, { "Anonymous:", z.anonymous },
		{ "LazyFree:", 0 }, { "AnonHugePages:", z.huge }, { "ShmemPmdMapped:", 0 }, { "FilePmdMapped:", 0 },
		{ "Shared_Hugetlb:", 0 }, { "Private_Hugetlb:", 0 }, { "Swap:", 0 }, { "SwapPss:", 0 },
		{ "Locked:", v->flags & VM_LOCKED ? pss : 0 },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		strbuf_printf(out, "%-16s%8lu kB\n", rows[i].name, rows[i].bytes >> 10);
	strbuf_printf(out, "THPeligible:    %8u\n", vma_anonymous(v) && huge_fits(v, ALIGN_UP(v->start, HUGE_PAGE_SIZE)));
	show_flags(v, out);
}

vaddr_t
aspace_show_maps(struct aspace *as, struct strbuf *out, vaddr_t from, bool smaps)
{
	vaddr_t next = 0;

	rwlock_read_lock(&as->lock);
	for (struct vma *v = vma_find(as, from); v != NULL; v = vma_next(v)) {
		size_t before = out->len;

		show_line(v, out);
		if (smaps)
			show_sizes(v, out);
		if (out->overflow) {
			out->len = before;
			if (out->size > before)
				out->buf[before] = '\0';
			next = v->start;
			break;
		}
	}
	rwlock_read_unlock(&as->lock);
	return next;
}
