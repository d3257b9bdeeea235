/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What keys mean: tables of key symbols, one for each set of modifiers (keymaps(5)), and the strings of function keys. Key codes are
 * Linux's (linux/input-event-codes.h). The default is a US keyboard; loadkeys and loadkmap replace entries.
 * Not locked: the keyboard's lock is held around every call.
 */
#ifndef DEV_VT_KEYMAP_H
#define DEV_VT_KEYMAP_H

#include "sys/abi/vt.h"

/* Key codes that the code names. */
enum {
	KEY_ESC = 1, KEY_BACKSPACE = 14, KEY_TAB = 15, KEY_ENTER = 28, KEY_LEFTCTRL = 29, KEY_LEFTSHIFT = 42, KEY_RIGHTSHIFT = 54,
	KEY_KPASTERISK = 55, KEY_LEFTALT = 56, KEY_SPACE = 57, KEY_CAPSLOCK = 58, KEY_F1 = 59, KEY_F10 = 68, KEY_NUMLOCK = 69,
	KEY_SCROLLLOCK = 70, KEY_KP7 = 71, KEY_KPDOT = 83, KEY_F11 = 87, KEY_F12 = 88, KEY_KPENTER = 96, KEY_RIGHTCTRL = 97,
	KEY_KPSLASH = 98, KEY_SYSRQ = 99, KEY_RIGHTALT = 100, KEY_HOME = 102, KEY_UP = 103, KEY_PAGEUP = 104, KEY_LEFT = 105,
	KEY_RIGHT = 106, KEY_END = 107, KEY_DOWN = 108, KEY_PAGEDOWN = 109, KEY_INSERT = 110, KEY_DELETE = 111, KEY_POWER = 116,
	KEY_KPEQUAL = 117, KEY_PAUSE = 119, KEY_LEFTMETA = 125, KEY_RIGHTMETA = 126, KEY_COMPOSE = 127,
};

#define KEY_STRING_MAX	32u	/* of a function key, with the NUL */

struct keymap {
	u16 *tables[MAX_NR_KEYMAPS];	/* by modifiers (BIT(KG_*)): NR_KEYS symbols; NULL: none */
	char *strings[MAX_NR_FUNC];	/* NULL: empty */
};

/* The US map in allocated tables. -ENOMEM. */
int __must_check keymap_init(struct keymap *km);
void keymap_destroy(struct keymap *km);
/* The symbol of a key; where the modifiers have no table, K_HOLE. */
u16 keymap_symbol(const struct keymap *km, u32 modifiers, u32 key);
/* KDSKBENT: -ENOMEM. K_NOSUCHMAP in entry 0 drops a table. */
int __must_check keymap_set(struct keymap *km, u32 table, u32 key, u16 symbol);
const char *keymap_string(const struct keymap *km, u32 func);
int __must_check keymap_set_string(struct keymap *km, u32 func, const char *s);	/* -ENOMEM, -EINVAL: too long */
/* The unshifted US character of a key, 0: none. For SysRq; any context. */
char keymap_us_char(u32 key);

#endif
