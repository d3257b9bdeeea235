/* SPDX-License-Identifier: BSD-2-Clause */
/* Linux AIO of the ABI: io_submit(2)'s iocb, and the ring that io_setup(2) maps for the user. */
#ifndef SYS_ABI_AIO_H
#define SYS_ABI_AIO_H

#include "sys/lib/types.h"

#define IOCB_CMD_PREAD		0
#define IOCB_CMD_PWRITE		1
#define IOCB_CMD_FSYNC		2
#define IOCB_CMD_FDSYNC		3
#define IOCB_CMD_POLL		5
#define IOCB_CMD_NOOP		6
#define IOCB_CMD_PREADV		7
#define IOCB_CMD_PWRITEV	8

#define IOCB_FLAG_RESFD		1u
#define IOCB_FLAG_IOPRIO	2u

struct abi_iocb {
	u64 data;
	u32 key;
	s32 rw_flags;
	u16 opcode;
	s16 reqprio;
	u32 fildes;
	u64 buf, nbytes;
	s64 offset;
	u64 reserved2;
	u32 flags, resfd;
};
_Static_assert(sizeof(struct abi_iocb) == 64, "iocb");

struct abi_io_event { u64 data, obj; s64 res, res2; };

#define AIO_RING_MAGIC		0xa10a10a1
/* Followed by nr events. Who reads it in user space moves head. */
struct abi_aio_ring { u32 id, nr, head, tail, magic, compat_features, incompat_features, header_length; };
_Static_assert(sizeof(struct abi_aio_ring) == sizeof(struct abi_io_event), "an event never crosses a page");

#endif
