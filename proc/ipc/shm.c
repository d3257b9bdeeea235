/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared memory: shmget(2), shmop(2), shmctl(2). A segment is a file of tmpfs without a name, mapped shared: so the page cache holds its
 * memory, and forks, splits and moves of a mapping are mm's own business. What is counted here are the mappings (nattch), by
 * the VMA's open and close; the last one of a segment that is to go (SHM_DEST, shm_rmid_forced) takes it off the table.
 *
 * Each attachment has an open file of its own, with the access that was asked for, which holds a reference on the segment.
 */
#include "proc/ipc/ipc.h"

#include "fs/path.h"
#include "fs/tmpfs.h"
#include "mm/aspace.h"
#include "mm/overcommit.h"
#include "proc/proc.h"
#include "sys/lib/printf.h"
#include "sys/abi/stat.h"

#define HUGE_2M_SHIFT	21
#define HUGE_1G_SHIFT	30

struct shm {
	struct ipc_object o;		/* first */
	struct file *file;		/* [I] */
	u64 size, pages;		/* [I] bytes as asked for; whole pages */
	bool charged;			/* [I] its pages are promised memory */
	u64 nattch;			/* [l] mappings, and attachments being made */
	s64 atime, dtime, ctime;	/* [l] */
	struct pid *cpid, *lpid;	/* [I], [l] references, or NULL */
	struct pid *creator;		/* [I] the thread; reference */
	struct user_counts *locker;	/* [l] who pays for SHM_LOCK; reference, or NULL */
};

static struct shm *
shm_of(struct ipc_object *o)
{
	return container_of(o, struct shm, o);
}

/* --- life --- */

static void
destroy(struct ipc_object *o)
{
	struct shm *s = shm_of(o);

	if (s->locker != NULL) {
		atomic_sub(&s->locker->locked_shm, s->pages);
		user_counts_put(s->locker);
	}
	if (s->file != NULL)
		file_put(s->file);
	if (s->charged)
		overcommit_uncharge(s->pages);
	pid_put(s->cpid);
	pid_put(s->lpid);
	pid_put(s->creator);
}

void
shm_init(struct ipc_ns *ns)
{
	ipc_ids_init(&ns->shm, ns, destroy);
}

static int
check(struct ipc_object *o, const struct ipc_request *r)
{
	return shm_of(o)->size < r->size ? -EINVAL : 0;
}

/* There are no huge pages in reserve, as on a Linux where nobody put any by. Group 0 (vm.hugetlb_shm_group) may ask. */
static int
refuse_huge(u32 flags)
{
	u32 shift = flags >> SHM_HUGE_SHIFT & SHM_HUGE_MASK;

	if (shift != 0 && shift != HUGE_2M_SHIFT && shift != HUGE_1G_SHIFT)
		return -EINVAL;
	return capable(CAP_IPC_LOCK) || cred_in_group(cred_current(), make_kgid(&init_user_ns, 0)) ? -ENOMEM : -EPERM;
}

static int
charge(struct shm *s, u32 flags)
{
	int err;

	if ((flags & SHM_NORESERVE) && atomic_load_relaxed(&overcommit_mode) != 2)
		return 0;
	err = overcommit_charge(s->pages, capable(CAP_SYS_ADMIN));
	s->charged = err == 0;
	return err;
}

static int
create(const struct ipc_request *r, struct ipc_object **out)
{
	u64 pages = DIV_ROUND_UP(r->size, PAGE_SIZE), all = ipc_limit_get(IPC_SHMALL);
	char name[16];
	struct shm *s;
	int err;

	if (r->size < 1 || r->size > ipc_limit_get(IPC_SHMMAX))
		return -EINVAL;
	if (r->size > UINT64_MAX - PAGE_SIZE || pages > all || atomic_load_relaxed(&ipc_current()->shm_pages) + pages > all)
		return -ENOSPC;
	if (r->flags & SHM_HUGETLB)
		return refuse_huge(r->flags);
	if (r->size > INT64_MAX)
		return -EINVAL;		/* no file is as large */
	s = kmem_alloc(sizeof(*s), KM_USER | KM_ZERO);
	if (s == NULL)
		return -ENOMEM;
	ipc_object_init(&s->o, &ipc_current()->shm, r);
	s->size = r->size;
	s->pages = pages;
	s->ctime = ipc_now();
	ipc_set_pid(&s->cpid);
	s->creator = pt_current()->tid;
	pid_get(s->creator);
	err = charge(s, r->flags);
	if (err == 0) {
		scnprintf(name, sizeof(name), "SYSV%08x", (u32)r->key);
		err = tmpfs_file_create_sized(name, (off_t)r->size, &s->file);
	}
	if (err != 0) {
		ipc_put(&s->o);
		return err;
	}
	*out = &s->o;
	return 0;
}

static void
added(struct ipc_object *o)
{
	struct shm *s = shm_of(o);

	s->file->vn->ino = (u64)o->id;		/* /proc/PID/maps tells it; nobody has seen the file yet */
	atomic_add(&o->ids->ns->shm_pages, s->pages);
}

long
shm_get(s32 key, u64 size, u32 flags)
{
	struct ipc_request r = { .key = key, .flags = flags, .size = size, .max = (u32)ipc_limit_get(IPC_SHMMNI),
		.check = check, .create = create, .added = added };

	return ipc_get(&ipc_current()->shm, &r);
}

/* It has no mapping, and is to go then. [l] held. */
static bool
is_due(const struct shm *s)
{
	return s->nattch == 0 && ((s->o.mode & SHM_DEST) || atomic_load_relaxed(&s->o.ids->ns->limits[IPC_SHM_RMID_FORCED]) != 0);
}

/* Both locks held. Its table reference is to be put. */
static void
remove_locked(struct shm *s)
{
	atomic_sub(&s->o.ids->ns->shm_pages, s->pages);
	ipc_remove(&s->o);
}

/* The last mapping has gone: and s, if that is so still. */
static void
remove_if_due(struct shm *s)
{
	struct ipc_ids *ids = s->o.ids;
	bool due;

	mutex_lock(&ids->lock);
	spin_lock(&s->o.lock);
	due = !s->o.removed && is_due(s);
	if (due)
		remove_locked(s);
	spin_unlock(&s->o.lock);
	mutex_unlock(&ids->lock);
	if (due)
		ipc_put(&s->o);
}

/* --- attachments --- */

static void
shm_vma_open(struct vma *v)
{
	struct shm *s = v->priv;

	spin_lock(&s->o.lock);
	s->nattch++;
	s->atime = ipc_now();
	ipc_set_pid(&s->lpid);
	spin_unlock(&s->o.lock);
}

/* One mapping, or attachment being made, less. The caller has a reference. */
static void
put_attachment(struct shm *s, bool detached)
{
	bool due;

	spin_lock(&s->o.lock);
	if (detached) {
		s->dtime = ipc_now();
		ipc_set_pid(&s->lpid);
	}
	s->nattch--;
	due = is_due(s);
	spin_unlock(&s->o.lock);
	if (due)
		remove_if_due(s);
}

static void
shm_vma_close(struct vma *v)
{
	put_attachment(v->priv, true);
}

static const struct vma_ops shm_vma_ops = { .open = shm_vma_open, .close = shm_vma_close };

static int
shm_file_mmap(struct file *f, struct vma *v)
{
	struct shm *s = f->priv;
	int err = s->file->ops->mmap(f, v);

	if (err != 0)
		return err;
	v->ops = &shm_vma_ops;
	v->priv = s;
	shm_vma_open(v);
	return 0;
}

static int
shm_file_fallocate(struct file *f, int mode, off_t off, off_t len)
{
	struct shm *s = f->priv;

	return s->file->ops->fallocate(s->file, mode, off, len);
}

static int
shm_file_fsync(struct file *f, off_t start, off_t end, bool datasync)
{
	struct shm *s = f->priv;

	return s->file->ops->fsync(s->file, start, end, datasync);
}

static void
shm_file_release(struct file *f)
{
	struct shm *s = f->priv;

	ipc_put(&s->o);
}

static const struct file_ops shm_file_ops = {
	.mmap = shm_file_mmap,
	.fallocate = shm_file_fallocate,
	.fsync = shm_file_fsync,
	.release = shm_file_release,
};

/* An open file of s with the access of flags; it has a reference. */
static int
open_segment(struct shm *s, u32 flags, struct file **out)
{
	struct path p = { s->file->mnt, s->file->dentry };
	int err = file_open_path(&p, flags & SHM_RDONLY ? O_RDONLY : O_RDWR, out);

	if (err != 0)
		return err;
	ipc_get_object(&s->o);
	(*out)->ops = &shm_file_ops;		/* we alone have it */
	(*out)->priv = s;
	return 0;
}

static long
map(struct shm *s, struct file *f, vaddr_t addr, u32 flags)
{
	u32 prot = PROT_READ | (flags & SHM_RDONLY ? 0 : PROT_WRITE) | (flags & SHM_EXEC ? PROT_EXEC : 0), how = MAP_SHARED;
	long ret;

	if (addr != 0) {
		how |= flags & SHM_REMAP ? MAP_FIXED : MAP_FIXED_NOREPLACE;
		if (addr + s->size < addr)
			return -EINVAL;
	}
	ret = aspace_mmap(thread_current()->as, addr, s->size, prot, how, f, 0);
	return ret == -EEXIST ? -EINVAL : ret;
}

/* The address as it will be: rounded down where that is asked for. */
static int
check_address(vaddr_t *addr, u32 flags)
{
	if (*addr != 0 && !IS_ALIGNED(*addr, PAGE_SIZE)) {
		if (!(flags & SHM_RND))
			return -EINVAL;
		*addr = ALIGN_DOWN(*addr, PAGE_SIZE);
	}
	return *addr == 0 && (flags & SHM_REMAP) ? -EINVAL : 0;
}

long
shm_attach(int id, vaddr_t addr, u32 flags)
{
	u32 access = IPC_R | (flags & SHM_RDONLY ? 0 : IPC_W) | (flags & SHM_EXEC ? IPC_X : 0);
	struct ipc_object *o;
	struct file *f;
	struct shm *s;
	long ret;

	if (id < 0)
		return -EINVAL;
	ret = check_address(&addr, flags);
	if (ret == 0)
		ret = ipc_lock(&ipc_current()->shm, id, &o);
	if (ret != 0)
		return ret;
	s = shm_of(o);
	ret = ipc_permission(o, access);
	if (ret != 0) {
		ipc_unlock(o);
		return ret;
	}
	s->nattch++;			/* it stays on the table until the mapping counts */
	spin_unlock(&o->lock);
	ret = open_segment(s, flags, &f);
	if (ret == 0) {
		ret = map(s, f, addr, flags);
		file_put(f);
	}
	put_attachment(s, false);
	ipc_put(o);
	return ret;
}

int
shm_detach(vaddr_t addr)
{
	if (!IS_ALIGNED(addr, PAGE_SIZE))
		return -EINVAL;
	return aspace_unmap_object(thread_current()->as, addr, &shm_vma_ops);
}

/* --- shmctl --- */

int
shm_remove(int id)
{
	struct ipc_object *o;
	struct shm *s;
	bool gone;
	int err = ipc_lock_owned(&ipc_current()->shm, id, &o);

	if (err != 0)
		return err;
	s = shm_of(o);
	gone = s->nattch == 0;
	if (gone) {
		remove_locked(s);
	} else {
		o->mode |= SHM_DEST;
		ipc_table_forget_key(&o->ids->table, o);
	}
	ipc_unlock_table(o);
	if (gone)
		ipc_put(o);
	return 0;
}

int
shm_set(int id, const struct abi_ipc_perm *perm)
{
	struct ipc_object *o;
	int err = ipc_lock_owned(&ipc_current()->shm, id, &o);

	if (err != 0)
		return err;
	err = ipc_perm_set(o, perm);
	if (err == 0)
		shm_of(o)->ctime = ipc_now();
	ipc_unlock_table(o);
	return err;
}

static int
lock_memory(struct shm *s)
{
	u64 limit = rlimit_current(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	struct user_counts *user = pt_current()->user;

	if (s->o.mode & SHM_LOCKED)
		return 0;
	if (atomic_add(&user->locked_shm, s->pages) > limit && !capable(CAP_IPC_LOCK)) {
		atomic_sub(&user->locked_shm, s->pages);
		return -ENOMEM;
	}
	user_counts_get(user);
	s->locker = user;
	s->o.mode |= SHM_LOCKED;
	(void)atomic_fetch_or(&s->file->mapping->flags, (u32)MAPPING_UNEVICTABLE);
	return 0;
}

static void
unlock_memory(struct shm *s)
{
	if (!(s->o.mode & SHM_LOCKED))
		return;
	(void)atomic_fetch_and(&s->file->mapping->flags, ~(u32)MAPPING_UNEVICTABLE);
	s->o.mode &= ~(u32)SHM_LOCKED;
	atomic_sub(&s->locker->locked_shm, s->pages);
	user_counts_put(s->locker);
	s->locker = NULL;
}

int
shm_lock(int id, bool lock)
{
	struct ipc_object *o;
	int err = ipc_lock(&ipc_current()->shm, id, &o);

	if (err != 0)
		return err;
	if (!capable(CAP_IPC_LOCK) && (!ipc_is_owner(o) || (lock && rlimit_current(RLIMIT_MEMLOCK) == 0)))
		err = -EPERM;
	else if (lock)
		err = lock_memory(shm_of(o));
	else
		unlock_memory(shm_of(o));
	ipc_unlock(o);
	return err;
}

long
shm_stat(int id, enum ipc_stat how, struct abi_shmid_ds *ds)
{
	struct ipc_object *o;
	struct shm *s;
	long ret = ipc_lock_stat(&ipc_current()->shm, id, how, &o);

	if (ret != 0)
		return ret;
	s = shm_of(o);
	*ds = (struct abi_shmid_ds){ .segsz = s->size, .atime = s->atime, .dtime = s->dtime, .ctime = s->ctime, .cpid = pid_nr(s->cpid),
		.lpid = pid_nr(s->lpid), .nattch = s->nattch };
	ipc_perm_get(o, &ds->perm);
	ret = how == IPC_BY_ID ? 0 : o->id;
	ipc_unlock(o);
	return ret;
}

long
shm_limits(struct abi_shminfo *info)
{
	u64 mni = ipc_limit_get(IPC_SHMMNI);

	*info = (struct abi_shminfo){ .shmmax = ipc_limit_get(IPC_SHMMAX), .shmmin = 1, .shmmni = mni, .shmseg = mni,
		.shmall = ipc_limit_get(IPC_SHMALL) };
	return ipc_top(&ipc_current()->shm);
}

static void
add_resident(struct ipc_object *o, void *arg)
{
	*(u64 *)arg += READ_ONCE(shm_of(o)->file->mapping->nr_pages);
}

long
shm_usage(struct abi_shm_info *info)
{
	struct ipc_ns *ns = ipc_current();

	*info = (struct abi_shm_info){ .used_ids = (s32)ipc_used(&ns->shm), .shm_tot = atomic_load_relaxed(&ns->shm_pages) };
	ipc_for_each(&ns->shm, add_resident, &info->shm_rss);
	return ipc_top(&ns->shm);
}

/* --- shm_rmid_forced --- */

/* Take one segment off the table that nobody has attached, of this creator (NULL: of one that is gone). Referenced; NULL: there is none. */
static struct ipc_object *
take_orphan(struct ipc_ids *ids, struct pid *creator)
{
	struct ipc_object *o, *found = NULL;
	u64 index;

	mutex_lock(&ids->lock);
	xa_for_each(o, &ids->table.objects, index) {
		struct shm *s = shm_of(o);

		spin_lock(&o->lock);
		rcu_read_lock();
		if (is_due(s) && (creator != NULL ? s->creator == creator : pid_bearer(s->creator, PID_TID) == NULL)) {
			remove_locked(s);
			found = o;
		}
		rcu_read_unlock();
		spin_unlock(&o->lock);
		if (found != NULL)
			break;
	}
	mutex_unlock(&ids->lock);
	return found;
}

static void
destroy_orphans(struct ipc_ids *ids, struct pid *creator)
{
	struct ipc_object *o;

	while ((o = take_orphan(ids, creator)) != NULL)
		ipc_put(o);
}

void
shm_destroy_orphans(struct ipc_ns *ns)
{
	destroy_orphans(&ns->shm, NULL);
}

void
shm_exit(struct proc_thread *pt)
{
	if (ipc_limit_get(IPC_SHM_RMID_FORCED) != 0)
		destroy_orphans(&ipc_current()->shm, pt->tid);
}

/* --- /proc/sysvipc/shm --- */

static void
show(struct ipc_object *o, void *arg)
{
	struct shm *s = shm_of(o);

	strbuf_printf(arg, "%10d %10d  %4o %21lu %5u %5u  %5lu %5u %5u %5u %5u %10ld %10ld %10ld %21lu %21lu\n", o->key, o->id, o->mode,
		s->size, pid_nr(s->cpid), pid_nr(s->lpid), s->nattch, o->uid.val, o->gid.val, o->cuid.val, o->cgid.val, s->atime,
		s->dtime, s->ctime, READ_ONCE(s->file->mapping->nr_pages) * PAGE_SIZE, 0UL);
}

void
shm_show(struct strbuf *out)
{
	strbuf_puts(out, "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      "
		"dtime      ctime                   rss                  swap\n");
	ipc_for_each(&ipc_current()->shm, show, out);
}
