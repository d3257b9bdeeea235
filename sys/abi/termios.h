/* SPDX-License-Identifier: BSD-2-Clause */
/* termios(3): flag bits and control characters, asm-generic/termbits.h's numbers. The structs are in sys/abi/ioctl.h. */
#ifndef SYS_ABI_TERMIOS_H
#define SYS_ABI_TERMIOS_H

#include "sys/abi/ioctl.h"

/* c_cc */
enum { VINTR, VQUIT, VERASE, VKILL, VEOF, VTIME, VMIN, VSWTC, VSTART, VSTOP, VSUSP, VEOL, VREPRINT, VDISCARD, VWERASE, VLNEXT, VEOL2 };

/* c_iflag */
#define IGNBRK	0000001u
#define BRKINT	0000002u
#define IGNPAR	0000004u
#define PARMRK	0000010u
#define INPCK	0000020u
#define ISTRIP	0000040u
#define INLCR	0000100u
#define IGNCR	0000200u
#define ICRNL	0000400u
#define IUCLC	0001000u
#define IXON	0002000u
#define IXANY	0004000u
#define IXOFF	0010000u
#define IMAXBEL	0020000u
#define IUTF8	0040000u

/* c_oflag */
#define OPOST	0000001u
#define OLCUC	0000002u
#define ONLCR	0000004u
#define OCRNL	0000010u
#define ONOCR	0000020u
#define ONLRET	0000040u
#define TABDLY	0014000u
#define XTABS	0014000u

/* c_cflag */
#define CBAUD	0010017u
#define B0	0u
#define B9600	0000015u
#define B38400	0000017u
#define B115200	0010002u
#define CSIZE	0000060u
#define CS5	0000000u
#define CS6	0000020u
#define CS7	0000040u
#define CS8	0000060u
#define CSTOPB	0000100u
#define CREAD	0000200u
#define PARENB	0000400u
#define PARODD	0001000u
#define HUPCL	0002000u
#define CLOCAL	0004000u
#define CRTSCTS	020000000000u

/* c_lflag */
#define ISIG	0000001u
#define ICANON	0000002u
#define XCASE	0000004u
#define ECHO	0000010u
#define ECHOE	0000020u
#define ECHOK	0000040u
#define ECHONL	0000100u
#define NOFLSH	0000200u
#define TOSTOP	0000400u
#define ECHOCTL	0001000u
#define ECHOPRT	0002000u
#define ECHOKE	0004000u
#define FLUSHO	0010000u
#define PENDIN	0040000u
#define IEXTEN	0100000u
#define EXTPROC	0200000u

/* TCXONC, TCFLSH */
enum { TCOOFF, TCOON, TCIOFF, TCION };
enum { TCIFLUSH, TCOFLUSH, TCIOFLUSH };

/* Modem lines of TIOCMGET */
#define TIOCM_DTR	0x002u
#define TIOCM_RTS	0x004u
#define TIOCM_CTS	0x020u
#define TIOCM_CAR	0x040u
#define TIOCM_RNG	0x080u
#define TIOCM_DSR	0x100u

/* TIOCPKT's status byte */
#define TIOCPKT_DATA		0u
#define TIOCPKT_FLUSHREAD	1u
#define TIOCPKT_FLUSHWRITE	2u
#define TIOCPKT_STOP		4u
#define TIOCPKT_START		8u
#define TIOCPKT_NOSTOP		16u
#define TIOCPKT_DOSTOP		32u

#endif
