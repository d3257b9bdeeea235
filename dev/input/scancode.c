/* SPDX-License-Identifier: BSD-2-Clause */
/* Scan code set 1, as the controller translates it, to key codes. IBM PS/2 technical reference; the AT's extended codes. */
#include "dev/input/ps2.h"

#include "dev/vt/keymap.h"

#define ALT_SYSRQ	0x54	/* the SysRq key while Alt is down */

/* Behind 0xe0. What isn't here is a fake shift, or a key that we have no code for. */
static const u8 extended[128] = {
	[0x1c] = KEY_KPENTER, [0x1d] = KEY_RIGHTCTRL, [0x35] = KEY_KPSLASH, [0x37] = KEY_SYSRQ, [0x38] = KEY_RIGHTALT,
	[0x46] = KEY_PAUSE, [0x47] = KEY_HOME, [0x48] = KEY_UP, [0x49] = KEY_PAGEUP, [0x4b] = KEY_LEFT, [0x4d] = KEY_RIGHT,
	[0x4f] = KEY_END, [0x50] = KEY_DOWN, [0x51] = KEY_PAGEDOWN, [0x52] = KEY_INSERT, [0x53] = KEY_DELETE, [0x5b] = KEY_LEFTMETA,
	[0x5c] = KEY_RIGHTMETA, [0x5d] = KEY_COMPOSE, [0x5e] = KEY_POWER,
};

u32
ps2_decode(struct ps2_decoder *d, u8 byte, bool *down)
{
	u8 code = byte & 0x7f, prefix = d->prefix;

	if (d->skip > 0) {
		d->skip--;
		return 0;
	}
	if (byte == 0xe0 || byte == 0xe1) {
		d->prefix = byte;
		return 0;
	}
	d->prefix = 0;
	*down = !(byte & 0x80);
	if (prefix == 0xe1) {		/* Pause: e1 1d 45 e1 9d c5 in one go, and nothing when it is let go */
		d->skip = 1;
		return KEY_PAUSE;
	}
	if (prefix == 0xe0)
		return extended[code];
	if (code == ALT_SYSRQ)
		return KEY_SYSRQ;
	return code <= KEY_F12 ? code : 0;
}
