/* SPDX-License-Identifier: BSD-2-Clause */
/* Virtual terminals and their keyboard: ioctl numbers, structs and key symbols of linux/vt.h, linux/kd.h, linux/keyboard.h. */
#ifndef SYS_ABI_VT_H
#define SYS_ABI_VT_H

#include "sys/lib/types.h"

/* --- screen and keyboard: kd.h --- */
#define KIOCSOUND	0x4b2fu
#define KDMKTONE	0x4b30u
#define KDGETLED	0x4b31u
#define KDSETLED	0x4b32u
#define KDGKBTYPE	0x4b33u
#define KDADDIO		0x4b34u
#define KDDELIO		0x4b35u
#define KDENABIO	0x4b36u
#define KDDISABIO	0x4b37u
#define KDSETMODE	0x4b3au
#define KDGETMODE	0x4b3bu
#define KDMAPDISP	0x4b3cu
#define KDUNMAPDISP	0x4b3du
#define KDGKBMODE	0x4b44u
#define KDSKBMODE	0x4b45u
#define KDGKBENT	0x4b46u
#define KDSKBENT	0x4b47u
#define KDGKBSENT	0x4b48u
#define KDSKBSENT	0x4b49u
#define KDKBDREP	0x4b52u
#define KDGKBMETA	0x4b62u
#define KDSKBMETA	0x4b63u
#define KDGKBLED	0x4b64u
#define KDSKBLED	0x4b65u
#define GIO_CMAP	0x4b70u
#define PIO_CMAP	0x4b71u
#define KDFONTOP	0x4b72u

#define KB_101		0x02u
#define KD_TEXT		0u
#define KD_GRAPHICS	1u
#define KD_TEXT0	2u
#define KD_TEXT1	3u
#define LED_SCR		1u
#define LED_NUM		2u
#define LED_CAP		4u
#define K_RAW		0u
#define K_XLATE		1u
#define K_MEDIUMRAW	2u
#define K_UNICODE	3u
#define K_OFF		4u
#define K_METABIT	3u
#define K_ESCPREFIX	4u

struct abi_kbentry { u8 kb_table, kb_index; u16 kb_value; };
struct abi_console_font_op { u32 op, flags, width, height, charcount; u64 data; };
struct abi_kbsentry { u8 kb_func, kb_string[512]; };

/* --- terminals: vt.h --- */
#define VT_OPENQRY	0x5600u
#define VT_GETMODE	0x5601u
#define VT_SETMODE	0x5602u
#define VT_GETSTATE	0x5603u
#define VT_RELDISP	0x5605u
#define VT_ACTIVATE	0x5606u
#define VT_WAITACTIVE	0x5607u
#define VT_DISALLOCATE	0x5608u
#define VT_RESIZE	0x5609u
#define VT_LOCKSWITCH	0x560bu
#define VT_UNLOCKSWITCH	0x560cu
#define VT_GETHIFONTMASK 0x560du

#define VT_AUTO		0u
#define VT_PROCESS	1u
#define VT_ACKACQ	2u

struct abi_vt_mode { s8 mode, waitv; s16 relsig, acqsig, frsig; };
struct abi_vt_stat { u16 v_active, v_signal, v_state; };
struct abi_vt_sizes { u16 v_rows, v_cols, v_scrollsize; };

/* TIOCLINUX: the argument's first byte */
#define TIOCL_UNBLANKSCREEN	4
#define TIOCL_GETSHIFTSTATE	6
#define TIOCL_SETKMSGREDIRECT	11
#define TIOCL_GETFGCONSOLE	12
#define TIOCL_GETKMSGREDIRECT	17

/* --- key symbols: keyboard.h --- */
#define NR_KEYS		256u
#define MAX_NR_KEYMAPS	256u
#define MAX_NR_FUNC	256u

enum { KG_SHIFT, KG_ALTGR, KG_CTRL, KG_ALT, KG_SHIFTL, KG_SHIFTR, KG_CTRLL, KG_CTRLR, KG_CAPSSHIFT, NR_SHIFT };

enum { KT_LATIN, KT_FN, KT_SPEC, KT_PAD, KT_DEAD, KT_CONS, KT_CUR, KT_SHIFT, KT_META, KT_ASCII, KT_LOCK, KT_LETTER, KT_SLOCK,
	KT_DEAD2, KT_BRL, NR_TYPES };

#define K(type, value)	((u16)((type) << 8 | (value)))
#define KTYP(k)		((k) >> 8)
#define KVAL(k)		((k) & 0xffu)
#define KEY_CODE_POINT(k) ((k) ^ 0xf000u)	/* where KTYP(k) >= NR_TYPES */

/* values of KT_SPEC */
enum { KS_HOLE, KS_ENTER, KS_SHOW_REGS, KS_SHOW_MEMORY, KS_SHOW_STATE, KS_BREAK, KS_LAST_CONSOLE, KS_CAPS, KS_NUM, KS_HOLD,
	KS_SCROLL_FORWARD, KS_SCROLL_BACK, KS_BOOT, KS_CAPS_ON, KS_COMPOSE, KS_SAK, KS_PREVIOUS_CONSOLE, KS_NEXT_CONSOLE, KS_SPAWN,
	KS_BARE_NUM };
#define K_HOLE		K(KT_SPEC, KS_HOLE)
#define K_NOSUCHMAP	K(KT_SPEC, 127)
/* values of KT_FN beside F1 .. F20 (0 .. 19) */
enum { KF_FIND = 20, KF_INSERT, KF_REMOVE, KF_SELECT, KF_PRIOR, KF_NEXT, KF_MACRO, KF_HELP, KF_DO, KF_PAUSE };
/* values of KT_PAD beside 0 .. 9, of KT_CUR */
enum { KP_PLUS = 10, KP_MINUS, KP_STAR, KP_SLASH, KP_ENTER, KP_COMMA, KP_DOT };
enum { KC_DOWN, KC_LEFT, KC_RIGHT, KC_UP };

#endif
