/* SPDX-License-Identifier: BSD-2-Clause */
/* ioctl(2) numbers and structs of block devices: linux/fs.h, blkpg.h, hdreg.h, loop.h. */
#ifndef SYS_ABI_BLOCK_H
#define SYS_ABI_BLOCK_H

#include "sys/lib/types.h"

#define BLKROSET	0x125du
#define BLKROGET	0x125eu
#define BLKRRPART	0x125fu
#define BLKGETSIZE	0x1260u
#define BLKFLSBUF	0x1261u
#define BLKRASET	0x1262u
#define BLKRAGET	0x1263u
#define BLKFRASET	0x1264u
#define BLKFRAGET	0x1265u
#define BLKSECTGET	0x1267u
#define BLKSSZGET	0x1268u
#define BLKPG		0x1269u
#define BLKBSZGET	0x80081270u
#define BLKBSZSET	0x40081271u
#define BLKGETSIZE64	0x80081272u
#define BLKDISCARD	0x1277u
#define BLKIOMIN	0x1278u
#define BLKIOOPT	0x1279u
#define BLKALIGNOFF	0x127au
#define BLKPBSZGET	0x127bu
#define BLKDISCARDZEROES	0x127cu
#define BLKSECDISCARD	0x127du
#define BLKROTATIONAL	0x127eu
#define BLKZEROOUT	0x127fu
#define BLKGETDISKSEQ	0x80081280u
#define BLKGETZONESZ	0x80041284u
#define BLKGETNRZONES	0x80041285u

#define HDIO_GETGEO		0x0301u
#define HDIO_GET_IDENTITY	0x030du

struct abi_hd_geometry { u8 heads, sectors; u16 cylinders; u64 start; };

#define BLKPG_ADD_PARTITION	1
#define BLKPG_DEL_PARTITION	2
#define BLKPG_RESIZE_PARTITION	3
struct abi_blkpg { s32 op, flags, datalen; s32 pad; u64 data; };
struct abi_blkpg_partition { s64 start, length; s32 pno; char devname[64], volname[64]; };	/* bytes */

/* --- loop devices --- */

#define LOOP_SET_FD		0x4c00u
#define LOOP_CLR_FD		0x4c01u
#define LOOP_SET_STATUS		0x4c02u
#define LOOP_GET_STATUS		0x4c03u
#define LOOP_SET_STATUS64	0x4c04u
#define LOOP_GET_STATUS64	0x4c05u
#define LOOP_CHANGE_FD		0x4c06u
#define LOOP_SET_CAPACITY	0x4c07u
#define LOOP_SET_DIRECT_IO	0x4c08u
#define LOOP_SET_BLOCK_SIZE	0x4c09u
#define LOOP_CONFIGURE		0x4c0au
#define LOOP_CTL_ADD		0x4c80u
#define LOOP_CTL_REMOVE		0x4c81u
#define LOOP_CTL_GET_FREE	0x4c82u

enum { LO_FLAGS_READ_ONLY = 1, LO_FLAGS_AUTOCLEAR = 4, LO_FLAGS_PARTSCAN = 8, LO_FLAGS_DIRECT_IO = 16 };
#define LO_NAME_SIZE	64

struct abi_loop_info64 {
	u64 lo_device, lo_inode, lo_rdevice, lo_offset, lo_sizelimit;
	u32 lo_number, lo_encrypt_type, lo_encrypt_key_size, lo_flags;
	u8 lo_file_name[LO_NAME_SIZE], lo_crypt_name[LO_NAME_SIZE], lo_encrypt_key[32];
	u64 lo_init[2];
};
struct abi_loop_info {
	s32 lo_number;
	u64 lo_device;
	u64 lo_inode;
	u64 lo_rdevice;
	s32 lo_offset, lo_encrypt_type, lo_encrypt_key_size, lo_flags;
	u8 lo_name[LO_NAME_SIZE], lo_encrypt_key[32];
	u64 lo_init[2];
	char reserved[4];
};
struct abi_loop_config { u32 fd, block_size; struct abi_loop_info64 info; u64 reserved[8]; };

#endif
