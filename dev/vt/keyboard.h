/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keyboard of the virtual terminals: drivers give key codes, the foreground terminal gets bytes, and some keys are commands
 * (switch terminals, scroll back, Ctrl-Alt-Del).
 */
#ifndef DEV_VT_KEYBOARD_H
#define DEV_VT_KEYBOARD_H

#include "dev/vt/keymap.h"
#include "sys/lib/types.h"

/* A keyboard, for its driver. There may be several; all have the same lights. */
struct keyboard_device {
	const char *name;
	/* Make the lights show LED_* bits, soon. Thread context; does not wait for the device. */
	void (*set_leds)(struct keyboard_device *kd, u8 leds);
	struct keyboard_device *next;
};

/* Boot, or probe: kd stays the driver's and must stay. Thread context. */
void keyboard_attach(struct keyboard_device *kd);
/* A key went down (again: it repeats) or up. Thread context. */
void keyboard_key(u32 key, bool down);
/* Alt-SysRq and the key with this code. Any context. */
void keyboard_sysrq(u32 key);

/* --- the translation: pure state and code --- */

/* What is one terminal's own. */
struct keyboard_console {
	u8 mode;		/* K_RAW .. K_OFF */
	u8 meta;		/* K_METABIT or K_ESCPREFIX */
	u8 locks, default_locks;	/* LED_* bits: Caps, Num, Scroll Lock */
	u8 locked, sticky;	/* BIT(KG_*): modifiers that a key toggled, for good or for the next key */
	s8 leds;		/* what KDSETLED wants shown; -1: the locks */
};
#define KEYBOARD_CONSOLE_INIT	((struct keyboard_console){ .mode = K_UNICODE, .meta = K_ESCPREFIX, .leds = -1 })

/* What is the keyboard's. */
struct keyboard {
	struct keymap map;
	u64 down[NR_KEYS / 64];		/* keys that are held */
	u8 held[NR_SHIFT];		/* how many keys hold a modifier */
	u8 held_as[NR_KEYS];		/* the modifier that a key holds, + 1; 0: none */
	u32 modifiers;			/* BIT(KG_*) */
	s32 code;			/* character being entered by Alt and digits, -1: none */
};

enum key_action { KEY_NONE, KEY_SWITCH, KEY_SWITCH_NEXT, KEY_SWITCH_PREVIOUS, KEY_SWITCH_LAST, KEY_SCROLL_BACK, KEY_SCROLL_FORWARD,
	KEY_HOLD, KEY_BREAK, KEY_REBOOT };

struct key_result {
	u8 bytes[KEY_STRING_MAX + 8];
	u32 n;				/* bytes to the terminal */
	enum key_action action;
	u32 number;			/* of KEY_SWITCH: 1 is the first terminal */
	bool leds;			/* the locks changed */
};

/* modes: the terminal's EM_* bits. */
void keyboard_translate(struct keyboard *kb, struct keyboard_console *con, u32 modes, u32 key, bool down, struct key_result *out);

#endif
