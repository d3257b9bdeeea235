/* SPDX-License-Identifier: BSD-2-Clause */
/* ioctls of virtual terminals. ioctl_console(2); errors as Linux gives them. */
#include "dev/vt/vt.h"

#include "dev/input/speaker.h"
#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/cred.h"
#include "sys/thread.h"

#define PIT_HZ	1193182u	/* KIOCSOUND counts in its periods */

/* Whose terminal it is may change it, and who may configure terminals. */
static bool
may_configure(struct tty *tty)
{
	struct tty *own = job_tty_get();

	if (own != NULL)
		tty_put(own);
	return own == tty || capable(CAP_SYS_TTY_CONFIG);
}

static long
set_screen_mode(struct vt *vt, u64 arg)
{
	if (arg > KD_TEXT1)
		return -EINVAL;
	atomic_store(&vt->graphics, arg == KD_GRAPHICS);
	draw_forget();
	return 0;
}

static long
get_state(u64 arg)
{
	struct abi_vt_stat s = { .v_active = (u16)vt_foreground(), .v_state = (u16)(vt_in_use_mask() | 1) };

	return copy_to_user((void __user *)arg, &s, sizeof(s));
}

static long
mode_ioctl(struct vt *vt, unsigned int cmd, u64 arg, bool allowed)
{
	struct abi_vt_mode mode;

	if (cmd == VT_GETMODE) {
		mutex_lock(&vt_lock);
		mode = vt->mode;
		mutex_unlock(&vt_lock);
		return copy_to_user((void __user *)arg, &mode, sizeof(mode));
	}
	if (!allowed)
		return -EPERM;
	if (copy_from_user(&mode, (const void __user *)arg, sizeof(mode)) != 0)
		return -EFAULT;
	return vt_set_mode(vt, &mode);
}

/* VT_RESIZE: all terminals get the size. */
static long
resize_all(u64 arg)
{
	struct abi_winsize ws = { 0 };
	struct abi_vt_sizes s;
	u32 cols, rows;

	if (copy_from_user(&s, (const void __user *)arg, sizeof(s)) != 0)
		return -EFAULT;
	vt_size_max(&cols, &rows);
	if (s.v_cols > cols || s.v_rows > rows)
		return -EINVAL;
	for (u32 i = 1; i <= VT_COUNT; i++) {
		struct vt *vt = vt_get(i);
		int err = 0;

		if (vt == NULL)
			continue;
		ws.ws_row = s.v_rows != 0 ? s.v_rows : (u16)vt->screen.rows;
		ws.ws_col = s.v_cols != 0 ? s.v_cols : (u16)vt->screen.cols;
		err = tty_set_winsize(&vt->tty, &ws);
		vt_put(vt);
		if (err != 0)
			return err;
	}
	return 0;
}

/* TIOCSWINSZ: what doesn't fit on the display is refused; the rest is every tty's. */
static long
check_winsize(u64 arg)
{
	struct abi_winsize ws;
	u32 cols, rows;

	if (copy_from_user(&ws, (const void __user *)arg, sizeof(ws)) != 0)
		return -EFAULT;
	vt_size_max(&cols, &rows);
	return ws.ws_col > cols || ws.ws_row > rows ? -EINVAL : -ENOIOCTLCMD;
}

/* The 16 colours, 3 bytes each; one set for all terminals. */
static long
color_map(struct vt *vt, unsigned int cmd, u64 arg, bool allowed)
{
	u8 rgb[16][3];

	if (cmd == GIO_CMAP) {
		mutex_lock(&vt->lock);
		for (u32 i = 0; i < 16; i++)
			for (u32 c = 0; c < 3; c++)
				rgb[i][c] = (u8)(vt->screen.palette[i] >> (16 - 8 * c));
		mutex_unlock(&vt->lock);
		return copy_to_user((void __user *)arg, rgb, sizeof(rgb));
	}
	if (!allowed)
		return -EPERM;
	if (copy_from_user(rgb, (const void __user *)arg, sizeof(rgb)) != 0)
		return -EFAULT;
	for (u32 n = 1; n <= VT_COUNT; n++) {
		struct vt *one = vt_get(n);

		if (one == NULL)
			continue;
		mutex_lock(&one->lock);
		for (u32 i = 0; i < 16; i++)
			one->screen.palette[i] = (u32)rgb[i][0] << 16 | (u32)rgb[i][1] << 8 | rgb[i][2];
		one->screen.palette_changes++;
		emulator_mark_all(&one->screen);
		mutex_unlock(&one->lock);
		vt_put(one);
	}
	draw_kick();
	return 0;
}

/* TIOCLINUX: a call by the first byte of its argument. */
static long
tioclinux(struct tty *tty, u64 arg)
{
	struct tty *own = job_tty_get();
	u8 bytes[2];

	if (own != NULL)
		tty_put(own);
	if (own != tty && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (copy_from_user(bytes, (const void __user *)arg, 1) != 0)
		return -EFAULT;
	switch (bytes[0]) {
	case TIOCL_UNBLANKSCREEN:
		return 0;		/* it never is blank */
	case TIOCL_GETSHIFTSTATE:
		bytes[0] = (u8)keys_modifiers();
		return copy_to_user((void __user *)arg, bytes, 1);
	case TIOCL_SETKMSGREDIRECT:
		if (!capable(CAP_SYS_ADMIN))
			return -EPERM;
		if (copy_from_user(bytes, (const void __user *)arg, 2) != 0)
			return -EFAULT;
		logcons_redirect(MIN(bytes[1], VT_COUNT));
		return 0;
	case TIOCL_GETFGCONSOLE:
		return vt_foreground() - 1;
	case TIOCL_GETKMSGREDIRECT:
		return logcons_target();
	default:
		return -EINVAL;
	}
}

/* The font is built in: what a Linux console whose driver can't change fonts answers. */
static long
font_op(u64 arg)
{
	struct abi_console_font_op op;

	return copy_from_user(&op, (const void __user *)arg, sizeof(op)) != 0 ? -EFAULT : -ENOSYS;
}

/* arg 0 of a sound: silence. */
static long
sound(unsigned int cmd, u64 arg)
{
	u32 period = (u32)(arg & 0xffff), ms = cmd == KDMKTONE ? (u32)(arg >> 16 & 0xffff) : 0;

	speaker_tone(period != 0 ? PIT_HZ / period : 0, ms);
	return 0;
}

static long
activate(unsigned int cmd, u64 arg, bool allowed)
{
	if (!allowed)
		return -EPERM;
	if (arg == 0 || arg > VT_COUNT)
		return -ENXIO;
	return cmd == VT_ACTIVATE ? vt_activate((u32)arg, true) : vt_wait_active((u32)arg);
}

static long
lock_switching(bool on)
{
	if (!capable(CAP_SYS_TTY_CONFIG))
		return -EPERM;
	vt_lock_switching(on);
	return 0;
}

static long
switch_ioctl(struct vt *vt, unsigned int cmd, u64 arg, bool allowed)
{
	u32 number;
	u16 zero = 0;

	switch (cmd) {
	case VT_OPENQRY:
		number = vt_first_unused();
		return put_user_u32(number != 0 ? number : UINT32_MAX, (u32 __user *)arg);
	case VT_GETMODE:
	case VT_SETMODE:
		return mode_ioctl(vt, cmd, arg, allowed);
	case VT_GETSTATE:
		return get_state(arg);
	case VT_RELDISP:
		return allowed ? vt_release_display(vt, arg) : -EPERM;
	case VT_ACTIVATE:
	case VT_WAITACTIVE:
		return activate(cmd, arg, allowed);
	case VT_DISALLOCATE:
		return arg > VT_COUNT ? -ENXIO : vt_disallocate((u32)arg);
	case VT_RESIZE:
		return allowed ? resize_all(arg) : -EPERM;
	case VT_LOCKSWITCH:
	case VT_UNLOCKSWITCH:
		return lock_switching(cmd == VT_LOCKSWITCH);
	case VT_GETHIFONTMASK:
		return copy_to_user((void __user *)arg, &zero, sizeof(zero));
	default:
		return -ENOIOCTLCMD;
	}
}

long
vt_ioctl(struct tty *tty, struct file *f, unsigned int cmd, u64 arg)
{
	struct vt *vt = vt_of(tty);
	u8 type = KB_101;
	bool allowed;

	(void)f;
	if (cmd == TIOCSWINSZ)
		return check_winsize(arg);
	if (cmd >> 8 != 0x4b && cmd >> 8 != 0x56 && cmd != TIOCLINUX)
		return -ENOIOCTLCMD;
	allowed = may_configure(tty);
	switch (cmd) {
	case TIOCLINUX:
		return tioclinux(tty, arg);
	case KIOCSOUND:
	case KDMKTONE:
		return allowed ? sound(cmd, arg) : -EPERM;
	case KDGKBTYPE:
		return copy_to_user((void __user *)arg, &type, 1);
	case KDGETMODE:
		return put_user_u32(vt->graphics ? KD_GRAPHICS : KD_TEXT, (u32 __user *)arg);
	case KDSETMODE:
		return allowed ? set_screen_mode(vt, arg) : -EPERM;
	case KDADDIO: case KDDELIO:
		return -EINVAL;
	case KDENABIO: case KDDISABIO:
		return -ENXIO;
	case KDMAPDISP: case KDUNMAPDISP:
		return -EINVAL;
	case KDFONTOP:
		return font_op(arg);
	case GIO_CMAP: case PIO_CMAP:
		return color_map(vt, cmd, arg, allowed);
	default:
		if (cmd >> 8 == 0x56)
			return switch_ioctl(vt, cmd, arg, allowed);
		return keys_ioctl(vt, cmd, arg, allowed);
	}
}
