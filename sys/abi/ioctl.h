/* SPDX-License-Identifier: BSD-2-Clause */
/* ioctl(2) numbers of files and terminals (asm-generic/ioctls.h, linux/fs.h), and the terminal's structs. */
#ifndef SYS_ABI_IOCTL_H
#define SYS_ABI_IOCTL_H

#include "sys/lib/types.h"

/* --- any file --- */
#define FIONCLEX	0x5450u
#define FIOCLEX		0x5451u
#define FIOASYNC	0x5452u
#define FIONBIO		0x5421u
#define FIONREAD	0x541bu
#define FIOQSIZE	0x5460u
#define FIBMAP		1u
#define FIGETBSZ	2u
#define FS_IOC_GETFLAGS	0x80086601u
#define FS_IOC_SETFLAGS	0x40086602u
#define FS_IOC_GETVERSION	0x80087601u
#define FICLONE		0x40049409u
#define FICLONERANGE	0x4020940du
#define FIFREEZE	0xc0045877u
#define FITHAW		0xc0045878u
#define FITRIM		0xc0185879u
#define FS_IOC_FIEMAP	0xc020660bu

struct abi_fstrim_range { u64 start, len, minlen; };	/* bytes */

/* --- terminals --- */
#define TCGETS		0x5401u
#define TCSETS		0x5402u
#define TCSETSW		0x5403u
#define TCSETSF		0x5404u
#define TCGETA		0x5405u
#define TCSETA		0x5406u
#define TCSETAW		0x5407u
#define TCSETAF		0x5408u
#define TCSBRK		0x5409u
#define TCXONC		0x540au
#define TCFLSH		0x540bu
#define TIOCEXCL	0x540cu
#define TIOCNXCL	0x540du
#define TIOCSCTTY	0x540eu
#define TIOCGPGRP	0x540fu
#define TIOCSPGRP	0x5410u
#define TIOCOUTQ	0x5411u
#define TIOCSTI		0x5412u
#define TIOCGWINSZ	0x5413u
#define TIOCSWINSZ	0x5414u
#define TIOCMGET	0x5415u
#define TIOCMBIS	0x5416u
#define TIOCMBIC	0x5417u
#define TIOCMSET	0x5418u
#define TIOCGSOFTCAR	0x5419u
#define TIOCSSOFTCAR	0x541au
#define TIOCINQ		FIONREAD
#define TIOCLINUX	0x541cu
#define TIOCCONS	0x541du
#define TIOCGSERIAL	0x541eu
#define TIOCSSERIAL	0x541fu
#define TIOCPKT		0x5420u
#define TIOCNOTTY	0x5422u
#define TIOCSETD	0x5423u
#define TIOCGETD	0x5424u
#define TCSBRKP		0x5425u
#define TIOCSBRK	0x5427u
#define TIOCCBRK	0x5428u
#define TIOCGSID	0x5429u
#define TIOCGPTN	0x80045430u
#define TIOCSPTLCK	0x40045431u
#define TIOCGDEV	0x80045432u
#define TIOCSIG		0x40045436u
#define TIOCVHANGUP	0x5437u
#define TIOCGPKT	0x80045438u
#define TIOCGPTLCK	0x80045439u
#define TIOCGEXCL	0x80045440u
#define TIOCGPTPEER	0x5441u

#define NCCS		19

struct abi_winsize { u16 ws_row, ws_col, ws_xpixel, ws_ypixel; };
/* The kernel's struct termios: what TCGETS and TCSETS move. */
struct abi_termios { u32 c_iflag, c_oflag, c_cflag, c_lflag; u8 c_line; u8 c_cc[NCCS]; };

#endif
