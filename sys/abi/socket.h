/* SPDX-License-Identifier: BSD-2-Clause */
/* socket(2), send(2), recv(2), socket(7), unix(7), cmsg(3): numbers and layouts of x86-64. */
#ifndef SYS_ABI_SOCKET_H
#define SYS_ABI_SOCKET_H

#include "sys/lib/types.h"

enum { AF_UNSPEC = 0, AF_UNIX = 1, AF_INET = 2, AF_INET6 = 10, AF_NETLINK = 16, AF_PACKET = 17, AF_MAX = 46 };

enum { SOCK_STREAM = 1, SOCK_DGRAM = 2, SOCK_RAW = 3, SOCK_RDM = 4, SOCK_SEQPACKET = 5, SOCK_PACKET = 10, SOCK_TYPE_MAX = 11 };
#define SOCK_TYPE_MASK	0xf
#define SOCK_NONBLOCK	04000
#define SOCK_CLOEXEC	02000000

#define SOMAXCONN_K	4096
#define SOCKADDR_MAX	128		/* struct sockaddr_storage */

enum { SHUT_RD_K = 0, SHUT_WR_K = 1, SHUT_RDWR_K = 2 };

/* flags of send and recv */
#define MSG_OOB		0x1u
#define MSG_PEEK	0x2u
#define MSG_DONTROUTE	0x4u
#define MSG_CTRUNC	0x8u
#define MSG_TRUNC	0x20u
#define MSG_DONTWAIT	0x40u
#define MSG_EOR		0x80u
#define MSG_WAITALL	0x100u
#define MSG_CONFIRM	0x800u
#define MSG_ERRQUEUE	0x2000u
#define MSG_NOSIGNAL	0x4000u
#define MSG_MORE	0x8000u
#define MSG_WAITFORONE	0x10000u
#define MSG_CMSG_CLOEXEC	0x40000000u

/* getsockopt(2), setsockopt(2) */
#define SOL_SOCKET	1
enum {
	SO_DEBUG = 1, SO_REUSEADDR, SO_TYPE, SO_ERROR, SO_DONTROUTE, SO_BROADCAST, SO_SNDBUF, SO_RCVBUF, SO_KEEPALIVE, SO_OOBINLINE,
	SO_NO_CHECK, SO_PRIORITY, SO_LINGER, SO_BSDCOMPAT, SO_REUSEPORT, SO_PASSCRED, SO_PEERCRED, SO_RCVLOWAT, SO_SNDLOWAT,
	SO_RCVTIMEO, SO_SNDTIMEO, SO_PEERNAME = 28, SO_TIMESTAMP, SO_ACCEPTCONN, SO_PEERSEC, SO_SNDBUFFORCE, SO_RCVBUFFORCE,
	SO_PASSSEC, SO_MARK = 36, SO_PROTOCOL = 38, SO_DOMAIN = 39, SO_PEEK_OFF = 42, SO_COOKIE = 57, SO_PEERGROUPS = 59,
	SO_RCVTIMEO_NEW = 66, SO_SNDTIMEO_NEW = 67,
};
struct abi_linger { s32 l_onoff, l_linger; };
struct abi_ucred { s32 pid; u32 uid, gid; };

/* control messages */
enum { SCM_RIGHTS = 1, SCM_CREDENTIALS = 2 };
struct abi_cmsghdr { u64 cmsg_len; s32 cmsg_level, cmsg_type; };
#define CMSG_ALIGN_K(n)	(((n) + 7) & ~7UL)
#define SCM_MAX_FD	253
#define OPTMEM_MAX	20480		/* most bytes of control data in one send */

struct abi_msghdr {
	u64 msg_name;
	s32 msg_namelen, pad0;
	u64 msg_iov, msg_iovlen;
	u64 msg_control, msg_controllen;
	u32 msg_flags, pad1;
};
struct abi_mmsghdr { struct abi_msghdr hdr; u32 msg_len, pad; };

#define UNIX_PATH_MAX	108
struct abi_sockaddr_un { u16 sun_family; char sun_path[UNIX_PATH_MAX]; };

/* ioctl(2) */
#define FIOSETOWN	0x8901u
#define SIOCSPGRP	0x8902u
#define FIOGETOWN	0x8903u
#define SIOCGPGRP	0x8904u
#define SIOCATMARK	0x8905u
#define SIOCOUTQ	0x5411u
#define SIOCINQ		0x541bu

#endif
