/* SPDX-License-Identifier: BSD-2-Clause */
/* wait4(2) and waitid(2) of the ABI. */
#ifndef SYS_ABI_WAIT_H
#define SYS_ABI_WAIT_H

#define WNOHANG		0x00000001
#define WUNTRACED	0x00000002
#define WSTOPPED	WUNTRACED
#define WEXITED		0x00000004
#define WCONTINUED	0x00000008
#define WNOWAIT		0x01000000
#define __WNOTHREAD	0x20000000	/* only children of this thread */
#define __WALL		0x40000000	/* children of any kind */
#define __WCLONE	0x80000000u	/* only children that don't send SIGCHLD */

#define P_ALL		0
#define P_PID		1
#define P_PGID		2
#define P_PIDFD		3

/* Status words */
#define WSTATUS_EXIT(code)	(((code) & 0xff) << 8)
#define WSTATUS_STOP(sig)	(((sig) << 8) | 0x7f)
#define WSTATUS_CONTINUED	0xffff
#define WSTATUS_CORE		0x80

#endif
