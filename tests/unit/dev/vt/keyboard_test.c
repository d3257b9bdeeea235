/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys to bytes: the US map, modifiers, locks, the sequences of terminfo's "linux", application and raw modes, commands.
 * sources: dev/vt/keyboard.c dev/vt/keymap.c
 */
#include "tests/unit/test.h"

#include "dev/vt/emulator.h"
#include "dev/vt/keyboard.h"

static struct keyboard kb;
static struct keyboard_console con;
static struct key_result out;
static u32 modes;

void
unit_setup(void)
{
	memset(&kb, 0, sizeof(kb));
	kb.code = -1;
	con = KEYBOARD_CONSOLE_INIT;
	modes = 0;
	ck_assert_int_eq(keymap_init(&kb.map), 0);
}

void
unit_teardown(void)
{
	keymap_destroy(&kb.map);
}

static const char *
key(u32 code, bool down)
{
	static char text[64];

	keyboard_translate(&kb, &con, modes, code, down, &out);
	memcpy(text, out.bytes, out.n);
	text[out.n] = '\0';
	return text;
}

static const char *
tap(u32 code)
{
	static char text[64];
	struct key_result pressed;

	strcpy(text, key(code, true));
	pressed = out;
	key(code, false);
	out = pressed;
	return text;
}

static const char *
with(u32 modifier, u32 code)
{
	const char *s;

	key(modifier, true);
	s = tap(code);
	struct key_result pressed = out;
	key(modifier, false);
	out = pressed;
	return s;
}

#define IS(a, b)	ck_assert_str_eq(a, b)
enum { Q = 16, A = 30, THREE = 4, SEVEN = 8, MINUS = 12 };

TEST(characters_and_modifiers)
{
	IS(tap(A), "a");
	IS(with(KEY_LEFTSHIFT, A), "A");
	IS(with(KEY_RIGHTSHIFT, THREE), "#");
	IS(with(KEY_LEFTCTRL, A), "\001");
	IS(with(KEY_RIGHTCTRL, SEVEN), "\037");
	IS(with(KEY_LEFTALT, A), "\033a");
	IS(with(KEY_RIGHTALT, A), "a");
	key(KEY_LEFTSHIFT, true);
	IS(with(KEY_LEFTALT, A), "\033A");
	IS(with(KEY_LEFTCTRL, MINUS), "\037");
	key(KEY_LEFTSHIFT, false);
	key(KEY_LEFTALT, true);
	IS(with(KEY_LEFTCTRL, A), "\033\001");
	key(KEY_LEFTALT, false);
	with(KEY_LEFTCTRL, KEY_SPACE);
	ck_assert(out.n == 1 && out.bytes[0] == 0);
	IS(tap(KEY_BACKSPACE), "\177");
	IS(tap(KEY_ENTER), "\r");
	IS(tap(KEY_TAB), "\t");
	IS(with(KEY_LEFTSHIFT, KEY_TAB), "\033\t");
	IS(tap(KEY_ESC), "\033");
	/* two keys hold Shift: one may go */
	key(KEY_LEFTSHIFT, true);
	key(KEY_RIGHTSHIFT, true);
	key(KEY_LEFTSHIFT, false);
	IS(tap(A), "A");
	key(KEY_RIGHTSHIFT, false);
	IS(tap(A), "a");
}

TEST(repeats)
{
	IS(key(A, true), "a");
	IS(key(A, true), "a");
	key(A, false);
	key(KEY_LEFTSHIFT, true);
	key(KEY_LEFTSHIFT, true);
	key(KEY_LEFTSHIFT, false);
	IS(tap(A), "a");
	/* nor does a modifier stay when the map has no table for all of them */
	key(KEY_LEFTCTRL, true);
	key(KEY_LEFTALT, true);
	key(KEY_LEFTSHIFT, true);
	key(KEY_LEFTCTRL, false);
	key(KEY_LEFTALT, false);
	key(KEY_LEFTSHIFT, false);
	IS(tap(A), "a");
	/* a lock toggles once, however long it is held */
	key(KEY_CAPSLOCK, true);
	ck_assert(out.leds);
	key(KEY_CAPSLOCK, true);
	ck_assert(!out.leds);
	ck_assert_uint_eq(con.locks, LED_CAP);
}

TEST(locks)
{
	tap(KEY_CAPSLOCK);
	IS(tap(A), "A");
	IS(tap(THREE), "3");
	IS(with(KEY_LEFTSHIFT, A), "a");
	IS(with(KEY_LEFTCTRL, A), "\001");
	tap(KEY_CAPSLOCK);
	IS(tap(A), "a");
	IS(tap(KEY_KP7), "\033[1~");
	IS(tap(KEY_KP7 + 1), "\033[A");
	IS(tap(KEY_KP7 + 5), "\033[G");
	IS(tap(KEY_KPDOT), "\033[3~");
	tap(KEY_NUMLOCK);
	IS(tap(KEY_KP7), "7");
	IS(tap(KEY_KPDOT), ".");
	IS(tap(KEY_KPENTER), "\r");
	IS(tap(KEY_KPSLASH), "/");
}

TEST(function_and_cursor_keys)
{
	IS(tap(KEY_F1), "\033[[A");
	IS(tap(KEY_F1 + 5), "\033[17~");
	IS(tap(KEY_F10), "\033[21~");
	IS(tap(KEY_F11), "\033[23~");
	IS(tap(KEY_F12), "\033[24~");
	IS(with(KEY_LEFTSHIFT, KEY_F1), "\033[25~");
	IS(tap(KEY_HOME), "\033[1~");
	IS(tap(KEY_INSERT), "\033[2~");
	IS(tap(KEY_DELETE), "\033[3~");
	IS(tap(KEY_END), "\033[4~");
	IS(tap(KEY_PAGEUP), "\033[5~");
	IS(tap(KEY_PAGEDOWN), "\033[6~");
	IS(tap(KEY_UP), "\033[A");
	modes = EM_APP_CURSOR | EM_NEWLINE;
	IS(tap(KEY_UP), "\033OA");
	IS(tap(KEY_LEFT), "\033OD");
	IS(tap(KEY_ENTER), "\r\n");
	modes = EM_APP_KEYPAD;
	IS(tap(KEY_KP7), "\033Ow");
	IS(tap(KEY_KPENTER), "\033OM");
	IS(tap(KEY_NUMLOCK), "\033OP");
}

TEST(commands)
{
	with(KEY_LEFTALT, KEY_F1 + 1);
	ck_assert(out.action == KEY_SWITCH && out.number == 2 && out.n == 0);
	key(KEY_LEFTCTRL, true);
	with(KEY_LEFTALT, KEY_F12);
	ck_assert(out.action == KEY_SWITCH && out.number == 12);
	with(KEY_LEFTALT, KEY_DELETE);
	ck_assert(out.action == KEY_REBOOT);
	key(KEY_LEFTCTRL, false);
	with(KEY_LEFTSHIFT, KEY_PAGEUP);
	ck_assert(out.action == KEY_SCROLL_BACK);
	with(KEY_LEFTALT, KEY_RIGHT);
	ck_assert(out.action == KEY_SWITCH_NEXT);
	tap(KEY_SCROLLLOCK);
	ck_assert(out.action == KEY_HOLD);
	with(KEY_LEFTCTRL, KEY_PAUSE);
	ck_assert(out.action == KEY_BREAK);
}

TEST(a_character_by_its_number)
{
	key(KEY_LEFTALT, true);
	tap(KEY_KP7 + 9 - 1);	/* 1 */
	tap(KEY_KP7 + 10 - 1);	/* 2 */
	tap(KEY_KP7 + 9 - 1);	/* 1 */
	IS(key(KEY_LEFTALT, false), "y");
	IS(key(KEY_LEFTALT, true), "");
	IS(key(KEY_LEFTALT, false), "");
}

TEST(raw_modes)
{
	con.mode = K_RAW;
	IS(key(A, true), "\x1e");
	IS(key(A, false), "\x9e");
	IS(key(KEY_UP, true), "\xe0\x48");
	IS(key(KEY_UP, false), "\xe0\xc8");
	IS(with(KEY_LEFTALT, KEY_F1), "\x3b");
	ck_assert(out.action == KEY_NONE);
	con.mode = K_MEDIUMRAW;
	IS(key(KEY_UP, true), "\x67");
	IS(key(KEY_UP, false), "\xe7");
	con.mode = K_OFF;
	IS(tap(A), "");
}

TEST(changed_map)
{
	ck_assert_int_eq(keymap_set(&kb.map, 0, A, (u16)(0xf000 ^ 0xe4)), 0);
	IS(tap(A), "\303\244");
	con.mode = K_XLATE;
	IS(tap(A), "\344");
	con.mode = K_UNICODE;
	ck_assert_int_eq(keymap_set(&kb.map, 3, Q, K(KT_LATIN, '@')), 0);
	key(KEY_RIGHTALT, true);
	IS(with(KEY_LEFTSHIFT, Q), "@");
	key(KEY_RIGHTALT, false);
	ck_assert_int_eq(keymap_set(&kb.map, 3, 0, K_NOSUCHMAP), 0);
	ck_assert_ptr_null(kb.map.tables[3]);
	ck_assert_int_lt(keymap_set(&kb.map, 0, 0, K_NOSUCHMAP), 0);
	ck_assert_int_eq(keymap_set_string(&kb.map, 0, "hello"), 0);
	IS(tap(KEY_F1), "hello");
	ck_assert_int_lt(keymap_set_string(&kb.map, 0, "0123456789012345678901234567890123456789"), 0);
	/* a lock of AltGr, and a sticky Shift */
	ck_assert_int_eq(keymap_set(&kb.map, 0, KEY_COMPOSE, K(KT_SLOCK, KG_SHIFT)), 0);
	tap(KEY_COMPOSE);
	IS(tap(Q), "Q");
	IS(tap(Q), "q");
}

TEST(random_keys)
{
	for (u32 i = 0; i < 100000; i++) {
		if (unit_rand_below(100) == 0) {
			u16 sym = (u16)unit_rand();

			ck_assert_int_le(keymap_set(&kb.map, (u32)unit_rand_below(16), (u32)unit_rand_below(128), sym), 0);
		}
		if (unit_rand_below(100) == 0)
			con.mode = (u8)unit_rand_below(5);
		modes = (u32)unit_rand();
		key((u32)unit_rand_below(300), unit_rand_below(2));
		ck_assert_uint_le(out.n, sizeof(out.bytes));
	}
}

TEST(sysrq_characters)
{
	ck_assert_int_eq(keymap_us_char(A), 'a');
	ck_assert_int_eq(keymap_us_char(11), '0');
	ck_assert_int_eq(keymap_us_char(KEY_F1), 0);
	ck_assert_int_eq(keymap_us_char(9999), 0);
}
