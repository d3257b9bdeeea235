/* SPDX-License-Identifier: BSD-2-Clause */
/* Key codes to bytes and commands, by the key map and the terminal's modes. keyboards(7), console_codes(4), VT102's keypad. */
#include "dev/vt/keyboard.h"

#include "dev/vt/emulator.h"
#include "sys/lib/string.h"
#include "sys/lib/utf8.h"

static void
put(struct key_result *out, u8 c)
{
	if (out->n < sizeof(out->bytes))
		out->bytes[out->n++] = c;
}

static void
put_string(struct key_result *out, const char *s)
{
	while (*s != '\0')
		put(out, (u8)*s++);
}

/* A character: as UTF-8 where the keyboard is in that mode. */
static void
put_char(const struct keyboard_console *con, struct key_result *out, u32 cp)
{
	char utf8[UTF8_MAX];
	int n;

	if (cp < 0x80 || con->mode != K_UNICODE) {
		put(out, (u8)cp);
		return;
	}
	n = utf8_encode(cp, utf8);
	for (int i = 0; i < n; i++)
		put(out, (u8)utf8[i]);
}

/* ESC [ c, or ESC O c in an application mode. */
static void
put_cursor(struct key_result *out, bool application, char c)
{
	put(out, 0x1b);
	put(out, application ? 'O' : '[');
	put(out, (u8)c);
}

/* --- raw modes --- */

/* Key codes from 89 on are prefixed scan codes of set 1. Sorted by key code. */
static const struct { u8 key, scan; } extended[] = {
	{ KEY_KPENTER, 0x1c }, { KEY_RIGHTCTRL, 0x1d }, { KEY_KPSLASH, 0x35 }, { KEY_SYSRQ, 0x37 }, { KEY_RIGHTALT, 0x38 },
	{ KEY_HOME, 0x47 }, { KEY_UP, 0x48 }, { KEY_PAGEUP, 0x49 }, { KEY_LEFT, 0x4b }, { KEY_RIGHT, 0x4d }, { KEY_END, 0x4f },
	{ KEY_DOWN, 0x50 }, { KEY_PAGEDOWN, 0x51 }, { KEY_INSERT, 0x52 }, { KEY_DELETE, 0x53 }, { KEY_POWER, 0x5e },
	{ KEY_LEFTMETA, 0x5b }, { KEY_RIGHTMETA, 0x5c }, { KEY_COMPOSE, 0x5d },
};

static void
put_scancode(struct key_result *out, u32 key, bool down)
{
	u8 up = down ? 0 : 0x80;

	if (key <= KEY_F12) {
		put(out, (u8)key | up);
		return;
	}
	if (key == KEY_PAUSE) {
		put(out, 0xe1);
		put(out, 0x1d | up);
		put(out, 0x45 | up);
		return;
	}
	for (u32 i = 0; i < ARRAY_SIZE(extended); i++) {
		if (extended[i].key == key) {
			put(out, 0xe0);
			put(out, extended[i].scan | up);
		}
	}
}

static void
put_keycode(struct key_result *out, u32 key, bool down)
{
	u8 up = down ? 0 : 0x80;

	if (key < 128) {
		put(out, (u8)key | up);
	} else {
		put(out, up);
		put(out, (u8)(key >> 7) | 0x80);
		put(out, (u8)key | 0x80);
	}
}

/* --- symbols --- */

/* A modifier that was held goes up as what it went down as, whatever the map says now. */
static void
modifier(struct keyboard *kb, struct keyboard_console *con, u32 key, u32 which, bool down, struct key_result *out)
{
	if (which >= NR_SHIFT || (kb->held_as[key] != 0) == down)
		return;
	kb->held_as[key] = down ? (u8)(which + 1) : 0;
	kb->held[which] = (u8)(kb->held[which] + (down ? 1 : -1));
	if (kb->held[which] > 0)
		kb->modifiers |= (u32)BIT(which);
	else
		kb->modifiers &= ~(u32)BIT(which);
	if (!down && which == KG_ALT && kb->code >= 0) {
		put_char(con, out, (u32)kb->code);
		kb->code = -1;
	}
}

static void
toggle(struct keyboard_console *con, u8 lock, bool repeat, struct key_result *out)
{
	if (repeat)
		return;
	con->locks ^= lock;
	out->leds = true;
}

static void
special(struct keyboard_console *con, u32 modes, u32 value, bool repeat, struct key_result *out)
{
	switch (value) {
	case KS_ENTER:
		put(out, '\r');
		if (modes & EM_NEWLINE)
			put(out, '\n');
		break;
	case KS_BREAK:
		out->action = KEY_BREAK;
		break;
	case KS_LAST_CONSOLE:
		out->action = KEY_SWITCH_LAST;
		break;
	case KS_PREVIOUS_CONSOLE:
		out->action = KEY_SWITCH_PREVIOUS;
		break;
	case KS_NEXT_CONSOLE:
		out->action = KEY_SWITCH_NEXT;
		break;
	case KS_SCROLL_BACK:
		out->action = KEY_SCROLL_BACK;
		break;
	case KS_SCROLL_FORWARD:
		out->action = KEY_SCROLL_FORWARD;
		break;
	case KS_BOOT:
		if (!repeat)
			out->action = KEY_REBOOT;
		break;
	case KS_CAPS:
		toggle(con, LED_CAP, repeat, out);
		break;
	case KS_CAPS_ON:
		con->locks |= LED_CAP;
		out->leds = true;
		break;
	case KS_NUM:
		if (modes & EM_APP_KEYPAD)
			put_cursor(out, true, 'P');
		else
			toggle(con, LED_NUM, repeat, out);
		break;
	case KS_BARE_NUM:
		toggle(con, LED_NUM, repeat, out);
		break;
	case KS_HOLD:
		if (!repeat)
			out->action = KEY_HOLD;
		break;
	}
}

static void
keypad(struct keyboard *kb, struct keyboard_console *con, u32 modes, u32 value, struct key_result *out)
{
	static const char plain[] = "0123456789+-*/\r,.", application[] = "pqrstuvwxylSRQMnn";
	/* without Num Lock: a function key, or a cursor key (negative) */
	static const s8 editing[] = { KF_INSERT, KF_SELECT, -1 - KC_DOWN, KF_NEXT, -1 - KC_LEFT, 0, -1 - KC_RIGHT, KF_FIND, -1 - KC_UP,
		KF_PRIOR };

	if (value >= sizeof(plain) - 1)
		return;
	if (modes & EM_APP_KEYPAD && !(kb->modifiers & BIT(KG_SHIFT))) {
		put_cursor(out, true, application[value]);
	} else if (con->locks & LED_NUM || (value > 9 && value != KP_DOT)) {
		put(out, (u8)plain[value]);
		if (value == KP_ENTER && modes & EM_NEWLINE)
			put(out, '\n');
	} else if (value == 5) {
		put_cursor(out, modes & EM_APP_CURSOR, 'G');
	} else if (value == KP_DOT) {
		put_string(out, keymap_string(&kb->map, KF_REMOVE));
	} else if (editing[value] < 0) {
		put_cursor(out, modes & EM_APP_CURSOR, "BDCA"[-1 - editing[value]]);
	} else {
		put_string(out, keymap_string(&kb->map, (u32)editing[value]));
	}
}

static void
meta(const struct keyboard_console *con, u32 value, struct key_result *out)
{
	if (con->meta == K_METABIT) {
		put_char(con, out, value | 0x80);
		return;
	}
	put(out, 0x1b);
	put(out, (u8)value);
}

static void
symbol(struct keyboard *kb, struct keyboard_console *con, u32 modes, u16 sym, bool repeat, struct key_result *out)
{
	static const char accents[] = "`'^~\",";
	u32 value = KVAL(sym);

	if (KTYP(sym) >= NR_TYPES) {
		put_char(con, out, KEY_CODE_POINT(sym));
		return;
	}
	switch (KTYP(sym)) {
	case KT_LATIN:
	case KT_LETTER:
		put_char(con, out, value);
		break;
	case KT_FN:
		put_string(out, keymap_string(&kb->map, value));
		break;
	case KT_SPEC:
		special(con, modes, value, repeat, out);
		break;
	case KT_PAD:
		keypad(kb, con, modes, value, out);
		break;
	case KT_DEAD:
		if (value < sizeof(accents) - 1)
			put(out, (u8)accents[value]);
		break;
	case KT_CONS:
		if (!repeat) {
			out->action = KEY_SWITCH;
			out->number = value + 1;
		}
		break;
	case KT_CUR:
		if (value < 4)
			put_cursor(out, modes & EM_APP_CURSOR, "BDCA"[value]);
		break;
	case KT_META:
		meta(con, value, out);
		break;
	case KT_ASCII:
		if (value < 10)
			kb->code = (MAX(kb->code, 0) * 10 + (s32)value) % 0x110000;
		break;
	case KT_LOCK:
	case KT_SLOCK:
		if (!repeat && value < 8 && KTYP(sym) == KT_LOCK)
			con->locked ^= (u8)BIT(value);
		else if (!repeat && value < 8)
			con->sticky ^= (u8)BIT(value);
		break;
	}
}

/* The symbol of a key under modifiers and locks. */
static u16
look_up(const struct keyboard *kb, const struct keyboard_console *con, u32 key)
{
	u32 modifiers = (kb->modifiers | con->sticky) ^ con->locked;
	u16 sym = keymap_symbol(&kb->map, modifiers, key);

	if (KTYP(sym) == KT_LETTER && con->locks & LED_CAP)
		sym = keymap_symbol(&kb->map, modifiers ^ (u32)BIT(KG_SHIFT), key);
	return sym;
}

void
keyboard_translate(struct keyboard *kb, struct keyboard_console *con, u32 modes, u32 key, bool down, struct key_result *out)
{
	bool raw = con->mode == K_RAW || con->mode == K_MEDIUMRAW || con->mode == K_OFF, was;
	u16 sym;

	memset(out, 0, sizeof(*out));
	if (key >= NR_KEYS)
		return;
	was = kb->down[key / 64] >> (key % 64) & 1;
	if (down)
		kb->down[key / 64] |= BIT(key % 64);
	else
		kb->down[key / 64] &= ~BIT(key % 64);
	if (con->mode == K_RAW)
		put_scancode(out, key, down);
	else if (con->mode == K_MEDIUMRAW)
		put_keycode(out, key, down);
	sym = look_up(kb, con, key);
	if (!down && kb->held_as[key] != 0) {
		modifier(kb, con, key, kb->held_as[key] - 1u, down, out);
	} else if (down && KTYP(sym) == KT_SHIFT) {
		modifier(kb, con, key, KVAL(sym), down, out);
	} else if (down && !raw) {
		if (KTYP(sym) != KT_SLOCK)
			con->sticky = 0;
		symbol(kb, con, modes, sym, down && was, out);
	}
}
