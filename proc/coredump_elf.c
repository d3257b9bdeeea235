/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A core file: ELF header, program headers, notes about threads and process, and the memory (System V ABI; <sys/procfs.h>; what
 * gdb and elfutils read). All threads but the current one are switched away; other processes may share the space, so its map is
 * copied once, and pages that went meanwhile are holes.
 */
#include "proc/coredump.h"

#include "arch/ptrace.h"
#include "fs/path.h"
#include "sys/abi/wait.h"
#include "sys/lib/elf.h"
#include "sys/lib/printf.h"

#define NT_FILE		0x46494c45
#define NAMES_MAX	(256 * KIB)

struct prstatus {
	s32 signo, code, error;
	s16 cursig, pad;
	u64 sigpend, sighold;
	s32 pid, ppid, pgrp, sid;
	struct { s64 sec, usec; } utime, stime, cutime, cstime;
	u64 regs[ARCH_NR_REGS];
	s32 fpvalid, pad2;
};
_Static_assert(sizeof(struct prstatus) == 336, "elf_prstatus");

struct prpsinfo {
	char state, sname, zomb, nice;
	u64 flag;
	u32 uid, gid;
	s32 pid, ppid, pgrp, sid;
	char fname[16], psargs[80];
};
_Static_assert(sizeof(struct prpsinfo) == 136, "elf_prpsinfo");

struct area {
	vaddr_t start, end;
	u64 dump;			/* bytes of it */
	bool sparse;			/* what was never touched holds zeros */
	u32 prot;
	u64 pgoff;
	struct file *file;
};

struct core {
	struct file *f;
	u64 pos, limit;
	struct aspace *as;
	struct area *area;
	u32 nr_areas;
	u8 *notes;
	size_t notes_len, notes_max;
	int err;
};

/* --- the file --- */

static int
put(struct core *c, const void *p, size_t n)
{
	off_t pos = (off_t)c->pos;
	ssize_t done;

	if (c->pos + n > c->limit)
		return -EFBIG;
	done = file_write_kernel(c->f, p, n, &pos);
	c->pos += n;
	return done == (ssize_t)n ? 0 : done < 0 ? (int)done : -EIO;
}

/* --- the map --- */

/* Of a file's mapping the first page, if it is an ELF header: the debugger knows the file by its build id. */
static u64
dumped(struct aspace *as, const struct vma *v)
{
	if ((v->flags & (VM_IO | VM_PFNMAP | VM_DONTDUMP)) != 0)
		return 0;
	if (v->file == NULL || (v->flags & VM_SHARED) != 0)
		return v->file == NULL ? v->end - v->start : 0;
	if (v->anon != NULL)
		return v->end - v->start;
	return v->pgoff == 0 && (v->prot & PROT_READ) != 0 ? PAGE_SIZE : 0;
}

static int
copy_map(struct core *c)
{
	struct vma *v;
	u32 n = 0;

	rwlock_read_lock(&c->as->lock);
	c->area = kmem_valloc((c->as->nr_vmas + 1) * sizeof(*c->area), KM_USER);
	for (v = c->area != NULL ? vma_find(c->as, 0) : NULL; v != NULL && n < c->as->nr_vmas; v = vma_next(v)) {
		c->area[n] = (struct area){ .start = v->start, .end = v->end, .dump = dumped(c->as, v), .sparse = v->mapping == NULL && v->ops == NULL,
			.prot = v->prot, .pgoff = v->pgoff, .file = v->mapping != NULL ? v->file : NULL };
		if (c->area[n].file != NULL)
			file_get(c->area[n].file);
		n++;
	}
	rwlock_read_unlock(&c->as->lock);
	c->nr_areas = n;
	return c->area == NULL ? -ENOMEM : n + 1 >= PN_XNUM ? -E2BIG : 0;
}

/* --- notes --- */

static void
note(struct core *c, const char *name, u32 type, const void *data, size_t len)
{
	u32 head[3] = { (u32)strlen(name) + 1, (u32)len, type };
	size_t need = sizeof(head) + ALIGN_UP((size_t)head[0], 4UL) + ALIGN_UP(len, 4UL);
	u8 *p = c->notes + c->notes_len;

	if (c->notes_len + need > c->notes_max) {
		c->err = -E2BIG;
		return;
	}
	memset(p, 0, need);
	memcpy(p, head, sizeof(head));
	memcpy(p + sizeof(head), name, head[0]);
	memcpy(p + need - ALIGN_UP(len, 4UL), data, len);
	c->notes_len += need;
}

static void
note_status(struct core *c, struct proc_thread *pt, int sig, const struct siginfo_k *info)
{
	struct process *p = pt->proc, *parent = process_parent_get(p);
	struct prstatus s;
	nsec_t user, sys;

	memset(&s, 0, sizeof(s));
	thread_times(pt->thread, &user, &sys);
	s.signo = sig;
	s.code = info->abi.si_code;
	s.cursig = (s16)sig;
	s.sigpend = pt->pending.set;
	s.sighold = pt->blocked;
	s.pid = pid_nr(pt->tid);
	s.ppid = parent != NULL ? process_pid(parent) : 0;
	rcu_read_lock();		/* the parent may set it */
	s.pgrp = pid_nr(READ_ONCE(p->pids[PID_PGID]));
	s.sid = pid_nr(READ_ONCE(p->pids[PID_SID]));
	rcu_read_unlock();
	s.utime.sec = user / NSEC_PER_SEC;
	s.utime.usec = user % NSEC_PER_SEC / 1000;
	s.stime.sec = sys / NSEC_PER_SEC;
	s.stime.usec = sys % NSEC_PER_SEC / 1000;
	s.fpvalid = 1;
	arch_regs_get(pt->thread, s.regs);
	note(c, "CORE", NT_PRSTATUS, &s, sizeof(s));
	process_put(parent);
}

static void
note_fpu(struct core *c, struct thread *t)
{
	u32 size, unit;
	void *buf;

	if (arch_regset_size(NT_X86_XSTATE, &size, &unit) != 0)
		size = 0;
	buf = kmem_alloc(MAX(size, (u32)ARCH_FPREGS_SIZE), KM_USER | KM_ZERO);
	if (buf == NULL) {
		c->err = -ENOMEM;
		return;
	}
	(void)arch_regset_get(t, NT_PRFPREG, buf);
	note(c, "CORE", NT_PRFPREG, buf, ARCH_FPREGS_SIZE);
	if (size != 0) {
		(void)arch_regset_get(t, NT_X86_XSTATE, buf);
		note(c, "LINUX", NT_X86_XSTATE, buf, size);
	}
	kmem_free(buf);
}

static void
note_process(struct core *c)
{
	struct process *p = process_current(), *parent = process_parent_get(p);
	const struct cred *cred = cred_current();
	struct prpsinfo s;
	size_t n = MIN(c->as->arg_end - c->as->arg_start, sizeof(s.psargs) - 1);

	memset(&s, 0, sizeof(s));
	s.sname = 'R';
	s.nice = thread_current()->nice;
	s.flag = 0x400400;
	s.uid = cred->uid.val;
	s.gid = cred->gid.val;
	s.pid = process_pid(p);
	s.ppid = parent != NULL ? process_pid(parent) : 0;
	rcu_read_lock();		/* the parent may set it */
	s.pgrp = pid_nr(READ_ONCE(p->pids[PID_PGID]));
	s.sid = pid_nr(READ_ONCE(p->pids[PID_SID]));
	rcu_read_unlock();
	strlcpy(s.fname, thread_current()->name, sizeof(s.fname));
	if (aspace_access(c->as, c->as->arg_start, s.psargs, n, false, true) > 0)
		for (size_t i = 0; i + 1 < n; i++)
			if (s.psargs[i] == '\0')
				s.psargs[i] = ' ';
	note(c, "CORE", NT_PRPSINFO, &s, sizeof(s));
	process_put(parent);
}

/* Count, page size, then start, end and page offset of each mapped file, then their names. */
static void
note_files(struct core *c)
{
	u8 *buf = kmem_valloc(NAMES_MAX, KM_USER);
	char *path = kmem_alloc(PATH_MAX_K, KM_USER);
	u64 *w = (u64 *)buf, n = 0;
	size_t at;

	for (u32 i = 0; i < c->nr_areas; i++)
		n += c->area[i].file != NULL;
	at = (2 + 3 * n) * sizeof(u64);
	if (buf == NULL || path == NULL || at > NAMES_MAX)
		goto out_free;
	*w++ = n;
	*w++ = PAGE_SIZE;
	for (u32 i = 0; i < c->nr_areas; i++) {
		struct area *a = &c->area[i];
		struct strbuf sb;
		size_t len;

		if (a->file == NULL)
			continue;
		*w++ = a->start;
		*w++ = a->end;
		*w++ = a->pgoff;
		strbuf_init(&sb, path, PATH_MAX_K);
		file_show_path(a->file, &sb);
		len = strlen(path) + 1;
		if (at + len > NAMES_MAX)
			goto out_free;
		memcpy(buf + at, path, len);
		at += len;
	}
	note(c, "CORE", NT_FILE, buf, at);
out_free:
	kmem_free(path);
	if (buf != NULL)
		kmem_vfree(buf);
}

static int
make_notes(struct core *c, int sig, const struct siginfo_k *info)
{
	struct proc_thread *me = pt_current(), *pt;
	struct process *p = me->proc;
	struct thread *t;
	u32 words = 0;
	pid_t nr = 0;

	c->notes_max = NAMES_MAX + 8192 + (size_t)READ_ONCE(p->nr_threads) * 16384;
	c->notes = kmem_valloc(c->notes_max, KM_USER);
	if (c->notes == NULL)
		return -ENOMEM;
	note_status(c, me, sig, info);
	note_process(c);
	note(c, "CORE", NT_SIGINFO, info, sizeof(*info));
	while (words + 2 < ARRAY_SIZE(c->as->auxv) && c->as->auxv[words] != 0)
		words += 2;
	note(c, "CORE", NT_AUXV, c->as->auxv, (words + 2) * sizeof(u64));
	note_files(c);
	note_fpu(c, me->thread);
	while ((t = process_next_thread_get(p, nr, &nr)) != NULL) {
		nr++;
		pt = t->pt;
		/* One that was on its way out already has no registers to show. */
		if (pt != me && !READ_ONCE(pt->exiting) && !READ_ONCE(pt->dead)) {
			thread_wait_off_cpu(t);
			note_status(c, pt, sig, info);
			note_fpu(c, t);
		}
		thread_put(t);
	}
	return c->err;
}

/* --- writing --- */

static int
put_headers(struct core *c)
{
	u32 n = c->nr_areas + 1;
	struct elf64_ehdr eh = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT }, .e_type = ET_CORE,
		.e_machine = EM_X86_64, .e_version = EV_CURRENT, .e_phoff = sizeof(eh), .e_ehsize = sizeof(eh),
		.e_phentsize = sizeof(struct elf64_phdr), .e_phnum = (u16)n };
	u64 off = sizeof(eh) + n * sizeof(struct elf64_phdr);
	struct elf64_phdr ph = { .p_type = PT_NOTE, .p_offset = off, .p_filesz = c->notes_len };
	int err = put(c, &eh, sizeof(eh));

	if (err == 0)
		err = put(c, &ph, sizeof(ph));
	off = ALIGN_UP(off + c->notes_len, PAGE_SIZE);
	for (u32 i = 0; err == 0 && i < c->nr_areas; i++) {
		const struct area *a = &c->area[i];

		ph = (struct elf64_phdr){ .p_type = PT_LOAD, .p_offset = off, .p_vaddr = a->start, .p_filesz = a->dump, .p_memsz = a->end - a->start,
			.p_align = PAGE_SIZE, .p_flags = ((a->prot & PROT_READ) != 0 ? PF_R : 0) | ((a->prot & PROT_WRITE) != 0 ? PF_W : 0) |
			((a->prot & PROT_EXEC) != 0 ? PF_X : 0) };
		off += a->dump;
		err = put(c, &ph, sizeof(ph));
	}
	return err != 0 ? err : put(c, c->notes, c->notes_len);
}

/* At pos; a page of zeros is left as a hole. */
static int
put_page(struct core *c, vaddr_t va, u64 pos, u64 *page)
{
	if (aspace_access(c->as, va, page, PAGE_SIZE, false, true) != (ssize_t)PAGE_SIZE)
		return 0;
	for (u32 w = 0; w < PAGE_SIZE / sizeof(u64); w++) {
		if (page[w] != 0) {
			c->pos = pos;
			return put(c, page, PAGE_SIZE);
		}
	}
	return 0;
}

static int
put_memory(struct core *c)
{
	u64 *page = kmem_alloc(PAGE_SIZE, KM_USER), pos = ALIGN_UP(c->pos, PAGE_SIZE);
	int err = page == NULL ? -ENOMEM : 0;

	for (const struct area *a = c->area; err == 0 && a < c->area + c->nr_areas; pos += a->dump, a++) {
		vaddr_t va = a->start, end = a->start + a->dump;

		for (; err == 0; va += PAGE_SIZE) {
			if (a->sparse)
				va = aspace_next_mapped(c->as, va, end);
			if (va >= end || pos + (va - a->start) >= c->limit)
				break;
			err = thread_fatal_pending(thread_current()) ? -EINTR : put_page(c, va, pos + (va - a->start), page);
		}
	}
	c->pos = pos;
	kmem_free(page);
	return err;
}

int
coredump_write(struct file *f, int sig, const struct siginfo_k *info, u64 limit)
{
	struct core c = { .f = f, .limit = limit, .as = thread_current()->as };
	int err = copy_map(&c);

	if (err == 0)
		err = make_notes(&c, sig, info);
	if (err == 0)
		err = put_headers(&c);
	if (err == 0)
		err = put_memory(&c);
	if (err == 0 || err == -EFBIG)		/* holes at the end count; beyond the limit it is cut (core(5)) */
		err = coredump_set_size(f, MIN(c.pos, limit));
	for (u32 i = 0; i < c.nr_areas; i++)
		if (c.area[i].file != NULL)
			file_put(c.area[i].file);
	if (c.area != NULL)
		kmem_vfree(c.area);
	if (c.notes != NULL)
		kmem_vfree(c.notes);
	return err;
}
