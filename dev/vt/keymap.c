/* SPDX-License-Identifier: BSD-2-Clause */
/* The US keyboard, written as rules: what Shift, Control and Alt make of a key follows from its plain character. */
#include "dev/vt/keymap.h"

#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"

enum { SHIFT = 1 << KG_SHIFT, ALTGR = 1 << KG_ALTGR, CTRL = 1 << KG_CTRL, ALT = 1 << KG_ALT };

/* The tables that the default map has. */
static const u8 default_tables[] = { 0, SHIFT, ALTGR, CTRL, CTRL | SHIFT, ALT, ALT | SHIFT, ALT | CTRL };

/* Runs of keys with consecutive codes. */
static const struct { u8 first; const char *plain, *shifted; } rows[] = {
	{ 2, "1234567890-=", "!@#$%^&*()_+" },
	{ 16, "qwertyuiop[]", "QWERTYUIOP{}" },
	{ 30, "asdfghjkl;'`", "ASDFGHJKL:\"~" },
	{ 43, "\\zxcvbnm,./", "|ZXCVBNM<>?" },
	{ KEY_SPACE, " ", " " },
	{ 86, "<", ">" },
};

char
keymap_us_char(u32 key)
{
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		if (key >= rows[i].first && key - rows[i].first < strlen(rows[i].plain))
			return rows[i].plain[key - rows[i].first];
	return 0;
}

/* Control with a character that isn't a letter; 0xff: nothing. */
static u8
control_of(char c)
{
	switch (c) {
	case ' ': case '2': case '@': case '`':
		return 0;
	case '3': case '[': case '{':
		return 0x1b;
	case '4': case '\\': case '|':
		return 0x1c;
	case '5': case ']': case '}':
		return 0x1d;
	case '6': case '^': case '~':
		return 0x1e;
	case '7': case '-': case '_': case '/':
		return 0x1f;
	case '8': case '?':
		return 0x7f;
	default:
		return 0xff;
	}
}

static u16
symbol_of_char(char plain, char shifted, u32 modifiers)
{
	char c = modifiers & SHIFT ? shifted : plain;
	u8 type = modifiers & ALT ? KT_META : is_alpha(c) ? KT_LETTER : KT_LATIN;

	if (modifiers & CTRL) {
		u8 control = is_alpha(c) ? (u8)(c & 0x1f) : control_of(c);

		return control == 0xff ? K_HOLE : K(modifiers & ALT ? KT_META : KT_LATIN, control);
	}
	return K(type, (u8)c);
}

static void
fill_characters(u16 *table, u32 modifiers)
{
	u16 meta = modifiers & ALT ? K(KT_META, 0) : K(KT_LATIN, 0);

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		for (u32 k = 0; rows[i].plain[k] != '\0'; k++)
			table[rows[i].first + k] = symbol_of_char(rows[i].plain[k], rows[i].shifted[k], modifiers);
	table[KEY_ESC] = (u16)(meta | 0x1b);
	table[KEY_BACKSPACE] = (u16)(meta | (modifiers & CTRL ? 0x08 : 0x7f));
	table[KEY_TAB] = modifiers & (SHIFT | ALT) ? K(KT_META, '\t') : K(KT_LATIN, '\t');
	table[KEY_ENTER] = modifiers & ALT ? K(KT_META, '\r') : K(KT_SPEC, KS_ENTER);
}

static void
fill_keypad(u16 *table, u32 modifiers)
{
	static const u8 pad[] = { 7, 8, 9, KP_MINUS, 4, 5, 6, KP_PLUS, 1, 2, 3, 0, KP_DOT };

	for (u32 i = 0; i < ARRAY_SIZE(pad); i++)
		table[KEY_KP7 + i] = modifiers == ALT && pad[i] < 10 ? K(KT_ASCII, pad[i]) : K(KT_PAD, pad[i]);
	table[KEY_KPASTERISK] = K(KT_PAD, KP_STAR);
	table[KEY_KPSLASH] = K(KT_PAD, KP_SLASH);
	table[KEY_KPENTER] = K(KT_PAD, KP_ENTER);
	if (modifiers == (ALT | CTRL))
		table[KEY_KPDOT] = K(KT_SPEC, KS_BOOT);
}

/* F1-F12, with Shift F13-F20; with Alt the terminals. */
static void
fill_functions(u16 *table, u32 modifiers)
{
	for (u32 n = 0; n < 12; n++) {
		u32 key = n < 10 ? KEY_F1 + n : KEY_F11 + n - 10;

		if (modifiers & ALT)
			table[key] = K(KT_CONS, n);
		else if (modifiers & SHIFT)
			table[key] = n < 8 ? K(KT_FN, 12 + n) : K_HOLE;
		else
			table[key] = K(KT_FN, n);
	}
}

static void
fill_navigation(u16 *table, u32 modifiers)
{
	table[KEY_HOME] = K(KT_FN, KF_FIND);
	table[KEY_END] = K(KT_FN, KF_SELECT);
	table[KEY_INSERT] = K(KT_FN, KF_INSERT);
	table[KEY_DELETE] = modifiers == (ALT | CTRL) ? K(KT_SPEC, KS_BOOT) : K(KT_FN, KF_REMOVE);
	table[KEY_PAGEUP] = modifiers == SHIFT ? K(KT_SPEC, KS_SCROLL_BACK) : K(KT_FN, KF_PRIOR);
	table[KEY_PAGEDOWN] = modifiers == SHIFT ? K(KT_SPEC, KS_SCROLL_FORWARD) : K(KT_FN, KF_NEXT);
	table[KEY_UP] = K(KT_CUR, KC_UP);
	table[KEY_DOWN] = K(KT_CUR, KC_DOWN);
	table[KEY_LEFT] = modifiers == ALT ? K(KT_SPEC, KS_PREVIOUS_CONSOLE) : K(KT_CUR, KC_LEFT);
	table[KEY_RIGHT] = modifiers == ALT ? K(KT_SPEC, KS_NEXT_CONSOLE) : K(KT_CUR, KC_RIGHT);
	table[KEY_PAUSE] = modifiers & CTRL ? K(KT_SPEC, KS_BREAK) : K(KT_FN, KF_PAUSE);
}

static void
fill_modifiers(u16 *table)
{
	table[KEY_LEFTSHIFT] = table[KEY_RIGHTSHIFT] = K(KT_SHIFT, KG_SHIFT);
	table[KEY_LEFTCTRL] = table[KEY_RIGHTCTRL] = K(KT_SHIFT, KG_CTRL);
	table[KEY_LEFTALT] = K(KT_SHIFT, KG_ALT);
	table[KEY_RIGHTALT] = K(KT_SHIFT, KG_ALTGR);
	table[KEY_CAPSLOCK] = K(KT_SPEC, KS_CAPS);
	table[KEY_NUMLOCK] = K(KT_SPEC, KS_NUM);
	table[KEY_SCROLLLOCK] = K(KT_SPEC, KS_HOLD);
}

static u16 *
new_table(void)
{
	u16 *table = kmem_alloc(NR_KEYS * sizeof(*table), KM_NORMAL);

	for (u32 i = 0; table != NULL && i < NR_KEYS; i++)
		table[i] = K_HOLE;
	return table;
}

static const struct { u8 func; const char *string; } default_strings[] = {
	{ 0, "\033[[A" }, { 1, "\033[[B" }, { 2, "\033[[C" }, { 3, "\033[[D" }, { 4, "\033[[E" }, { 5, "\033[17~" }, { 6, "\033[18~" },
	{ 7, "\033[19~" }, { 8, "\033[20~" }, { 9, "\033[21~" }, { 10, "\033[23~" }, { 11, "\033[24~" }, { 12, "\033[25~" },
	{ 13, "\033[26~" }, { 14, "\033[28~" }, { 15, "\033[29~" }, { 16, "\033[31~" }, { 17, "\033[32~" }, { 18, "\033[33~" },
	{ 19, "\033[34~" }, { KF_FIND, "\033[1~" }, { KF_INSERT, "\033[2~" }, { KF_REMOVE, "\033[3~" }, { KF_SELECT, "\033[4~" },
	{ KF_PRIOR, "\033[5~" }, { KF_NEXT, "\033[6~" }, { KF_MACRO, "\033[M" }, { KF_PAUSE, "\033[P" },
};

int
keymap_init(struct keymap *km)
{
	memset(km, 0, sizeof(*km));
	for (u32 i = 0; i < ARRAY_SIZE(default_tables); i++) {
		u32 modifiers = default_tables[i];
		u16 *table = km->tables[modifiers] = new_table();

		if (table == NULL)
			goto out_destroy;
		fill_characters(table, modifiers);
		fill_keypad(table, modifiers);
		fill_functions(table, modifiers);
		fill_navigation(table, modifiers);
		fill_modifiers(table);
	}
	for (u32 i = 0; i < ARRAY_SIZE(default_strings); i++)
		if (keymap_set_string(km, default_strings[i].func, default_strings[i].string) != 0)
			goto out_destroy;
	return 0;
out_destroy:
	keymap_destroy(km);
	return -ENOMEM;
}

void
keymap_destroy(struct keymap *km)
{
	for (u32 i = 0; i < MAX_NR_KEYMAPS; i++)
		kmem_free(km->tables[i]);
	for (u32 i = 0; i < MAX_NR_FUNC; i++)
		kmem_free(km->strings[i]);
	memset(km, 0, sizeof(*km));
}

u16
keymap_symbol(const struct keymap *km, u32 modifiers, u32 key)
{
	const u16 *table = km->tables[modifiers % MAX_NR_KEYMAPS];

	return table != NULL && key < NR_KEYS ? table[key] : K_HOLE;
}

int
keymap_set(struct keymap *km, u32 table, u32 key, u16 symbol)
{
	u16 **t = &km->tables[table % MAX_NR_KEYMAPS];

	if (key == 0 && symbol == K_NOSUCHMAP) {
		if (table == 0)
			return -EINVAL;		/* there is always a plain one */
		kmem_free(*t);
		*t = NULL;
		return 0;
	}
	if (*t == NULL)
		*t = new_table();
	if (*t == NULL)
		return -ENOMEM;
	(*t)[key % NR_KEYS] = symbol;
	return 0;
}

const char *
keymap_string(const struct keymap *km, u32 func)
{
	const char *s = km->strings[func % MAX_NR_FUNC];

	return s != NULL ? s : "";
}

int
keymap_set_string(struct keymap *km, u32 func, const char *s)
{
	char *copy;

	if (strlen(s) >= KEY_STRING_MAX)
		return -EINVAL;
	copy = kmem_strdup(s, KM_NORMAL);
	if (copy == NULL)
		return -ENOMEM;
	kmem_free(km->strings[func % MAX_NR_FUNC]);
	km->strings[func % MAX_NR_FUNC] = copy;
	return 0;
}
