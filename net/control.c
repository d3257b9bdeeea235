/* SPDX-License-Identifier: BSD-2-Clause */
/* Control messages of sendmsg(2) and recvmsg(2): cmsg(3); descriptors and credentials that travel in them: unix(7). */
#include "net/socket.h"

#include "fs/fdtable.h"
#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/cred.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"
#include "sys/pid.h"
#include "sys/signal.h"

/* --- walking what was sent --- */

void
control_begin(struct control_iter *it, const struct socket_msg *m)
{
	*it = (struct control_iter){ .p = m->control, .end = m->control + m->control_len };
}

int
control_next(struct control_iter *it)
{
	size_t left = (size_t)(it->end - it->p);
	struct abi_cmsghdr h;

	if (it->p == NULL || left < sizeof(h))
		return 0;
	memcpy(&h, it->p, sizeof(h));
	if (h.cmsg_len < sizeof(h) || h.cmsg_len > left)
		return -EINVAL;
	it->level = h.cmsg_level;
	it->type = h.cmsg_type;
	it->data = it->p + sizeof(h);
	it->len = h.cmsg_len - sizeof(h);
	it->p += MIN(CMSG_ALIGN_K(h.cmsg_len), left);
	return 1;
}

/* --- handing to a receiver --- */

void
control_put(struct socket_msg *m, int level, int type, const void *data, size_t len)
{
	struct abi_cmsghdr h = { .cmsg_len = sizeof(h) + len, .cmsg_level = level, .cmsg_type = type };
	size_t room;

	if (m->control_to == NULL || m->control_len < sizeof(h)) {
		m->out_flags |= MSG_CTRUNC;
		return;
	}
	if (m->control_len < h.cmsg_len) {
		m->out_flags |= MSG_CTRUNC;
		h.cmsg_len = m->control_len;
		len = h.cmsg_len - sizeof(h);
	}
	if (copy_to_user(m->control_to, &h, sizeof(h)) != 0 || copy_to_user(m->control_to + sizeof(h), data, len) != 0)
		return;		/* as Linux: the data was received, the control messages are lost */
	room = MIN(CMSG_ALIGN_K(h.cmsg_len), m->control_len);
	m->control_to += room;
	m->control_len -= room;
}

/* --- descriptors --- */

void
scm_files_free(struct scm_files *files)
{
	if (files == NULL)
		return;
	for (u32 i = 0; i < files->count; i++)
		file_put(files->file[i]);
	kmem_free(files);
}

static struct scm_files *
files_alloc(void)
{
	struct scm_files *files = kmem_alloc(sizeof(*files), KM_USER);

	if (files != NULL) {
		files->count = 0;
		files->user = NULL;
	}
	return files;
}

struct scm_files *
scm_files_copy(const struct scm_files *files)
{
	struct scm_files *copy = files_alloc();

	if (copy == NULL)
		return NULL;
	for (; copy->count < files->count; copy->count++) {
		copy->file[copy->count] = files->file[copy->count];
		file_get(copy->file[copy->count]);
	}
	return copy;
}

static int
collect_files(const struct control_iter *it, struct scm_files **files)
{
	u32 n = (u32)(it->len / sizeof(s32));

	if (n == 0)
		return 0;
	if (n > SCM_MAX_FD)
		return -EINVAL;
	if (*files == NULL && (*files = files_alloc()) == NULL)
		return -ENOMEM;
	if (n > SCM_MAX_FD - (*files)->count)
		return -EINVAL;
	for (u32 i = 0; i < n; i++) {
		struct file *f;
		s32 fd;

		memcpy(&fd, it->data + i * sizeof(fd), sizeof(fd));
		f = fd_get_file(fd);
		if (f == NULL)
			return -EBADF;
		(*files)->file[(*files)->count++] = f;
	}
	return 0;
}

/* One descriptor for f, its number to `to`. */
static int
deliver_file(struct file *f, s32 __user *to, bool cloexec)
{
	int fd = fd_reserve(0, cloexec);
	int err;

	if (fd < 0)
		return fd;
	err = put_user_u32((u32)fd, (u32 __user *)to);
	if (err != 0) {
		fd_unreserve(fd);
		return err;
	}
	file_get(f);
	fd_install(fd, f);
	return 0;
}

void
scm_deliver_files(struct socket_msg *m, struct scm_files *files)
{
	struct abi_cmsghdr h = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	s32 __user *to = (s32 __user *)(m->control_to + sizeof(h));
	u32 fit = 0, n = 0;

	if (m->control_to != NULL && m->control_len > sizeof(h))
		fit = MIN((u32)((m->control_len - sizeof(h)) / sizeof(s32)), files->count);
	while (n < fit && deliver_file(files->file[n], to + n, m->flags & MSG_CMSG_CLOEXEC) == 0)
		n++;
	if (n > 0) {
		size_t room;

		h.cmsg_len = sizeof(h) + n * sizeof(s32);
		if (copy_to_user(m->control_to, &h, sizeof(h)) == 0) {
			room = MIN(CMSG_ALIGN_K(h.cmsg_len), m->control_len);
			m->control_to += room;
			m->control_len -= room;
		}
	}
	if (n < files->count)
		m->out_flags |= MSG_CTRUNC;
	scm_files_free(files);
}

/* --- credentials --- */

void
scm_creds_current(struct scm_creds *c)
{
	const struct cred *cred = cred_current();

	c->pid = process_tgid_current();
	pid_get(c->pid);
	c->uid = cred->uid;
	c->gid = cred->gid;
}

void
scm_creds_put(struct scm_creds *c)
{
	pid_put(c->pid);
	c->pid = NULL;
}

/* What a process says of itself must be true, unless it may say anything. */
static int
collect_creds(const struct control_iter *it, struct scm_creds *out)
{
	const struct cred *c = cred_current();
	struct abi_ucred u;
	struct pid *pid;

	if (it->len != sizeof(u))
		return -EINVAL;
	memcpy(&u, it->data, sizeof(u));
	if (u.pid != pid_nr(process_tgid_current()) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (u.uid != c->uid.val && u.uid != c->euid.val && u.uid != c->suid.val && !capable(CAP_SETUID))
		return -EPERM;
	if (u.gid != c->gid.val && u.gid != c->egid.val && u.gid != c->sgid.val && !capable(CAP_SETGID))
		return -EPERM;
	pid = pid_find_get(u.pid);
	if (pid == NULL)
		return -ESRCH;
	scm_creds_put(out);
	*out = (struct scm_creds){ .pid = pid, .uid = { u.uid }, .gid = { u.gid } };
	return 0;
}

int
scm_collect(const struct socket_msg *m, struct scm_files **files, struct scm_creds *creds)
{
	struct control_iter it;
	int err;

	*files = NULL;
	control_begin(&it, m);
	while ((err = control_next(&it)) > 0) {
		if (it.level != SOL_SOCKET)
			continue;
		if (it.type == SCM_RIGHTS)
			err = collect_files(&it, files);
		else if (it.type == SCM_CREDENTIALS)
			err = collect_creds(&it, creds);
		else
			err = -EINVAL;
		if (err != 0)
			break;
	}
	if (err == 0)
		return 0;
	scm_files_free(*files);
	*files = NULL;
	scm_creds_put(creds);
	return err;
}

void
scm_deliver_creds(struct socket_msg *m, const struct scm_creds *creds)
{
	struct abi_ucred u = { pid_nr(creds->pid), creds->uid.val, creds->gid.val };

	control_put(m, SOL_SOCKET, SCM_CREDENTIALS, &u, sizeof(u));
}
