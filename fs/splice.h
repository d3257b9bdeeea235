/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Moving data through pipes by page: splice(2), tee(2), vmsplice(2).
 *
 * All return bytes moved (0: the end of the input), -EPIPE with SIGPIPE, -EAGAIN where `nonblock` and the pipe is not ready,
 * -ERESTARTSYS, or what the file says. Nothing is locked while a file is read or written.
 */
#ifndef FS_SPLICE_H
#define FS_SPLICE_H

#include "mm/iobuf.h"
#include "sys/file.h"

#define SPLICE_BATCH	16	/* pages moved at once */

struct pipe;

/* pos NULL: at the file's own position. */
ssize_t splice_to_file(struct pipe *p, struct file *out, off_t *pos, size_t len, bool nonblock);
ssize_t splice_from_file(struct file *in, off_t *pos, struct pipe *p, size_t len, bool nonblock);
/* Two different pipes. tee: what is in `from` stays there. */
ssize_t splice_pipes(struct pipe *from, struct pipe *to, size_t len, bool nonblock, bool tee);
/* Pages of the current address space, as they are; as many as fit. */
ssize_t splice_user(struct pipe *p, const struct abi_iovec *iov, u64 count, bool nonblock);

/* Up to SPLICE_BATCH pages of a file's cache from pos on, referenced; how many, or -errno. A hole of a memory file is filled in. */
int file_gather_pages(struct file *in, off_t pos, size_t want, struct io_pagevec *pv);

#endif
