/* SPDX-License-Identifier: BSD-2-Clause */
/* From keyboards to the terminal in the foreground: bytes, commands, lights; and the keyboard's ioctls. ioctl_console(2). */
#include "dev/vt/vt.h"

#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/cred.h"
#include "sys/lib/string.h"
#include "sys/log.h"
#include "sys/reboot.h"
#include "sys/sysrq.h"


static struct mutex kbd_lock = MUTEX_INIT(kbd_lock, LOCK_LEAF_SLEEP);
static struct keyboard kb;			/* [kbd_lock] */
static struct keyboard_device *devices;		/* [kbd_lock] */
static struct keyboard_console no_console;	/* [kbd_lock] where there is no screen: only commands work */
static u8 leds_shown = 0xff;			/* [kbd_lock] */

/* The terminal in the foreground gets characters again, whatever a program that died made of its keyboard. */
static void
unraw(void)
{
	struct vt *vt = vt_foreground_get();

	if (vt == NULL)
		return;
	mutex_lock(&kbd_lock);
	vt->keys.mode = K_UNICODE;
	mutex_unlock(&kbd_lock);
	log_info("keyboard: mode of tty%u set to the default", vt->number);
	vt_put(vt);
}

static const struct sysrq_key unraw_key = { "unraw(r)", "Keyboard mode set to system default", unraw, SYSRQ_KEYBOARD, true };

void
keys_init(void)
{
	kb.code = -1;
	no_console = KEYBOARD_CONSOLE_INIT;
	if (keymap_init(&kb.map) != 0)
		log_err("keyboard: no memory for the key map");
	sysrq_register('r', &unraw_key);
}

/* --- lights --- */

static u8
leds_of(const struct keyboard_console *con)
{
	return con->leds >= 0 ? (u8)con->leds : con->locks;
}

static void
show_leds_locked(u8 leds)
{
	mutex_assert_held(&kbd_lock);
	if (leds == leds_shown)
		return;
	leds_shown = leds;
	for (struct keyboard_device *kd = devices; kd != NULL; kd = kd->next)
		kd->set_leds(kd, leds);
}

void
keys_update_leds(void)
{
	struct vt *vt = vt_foreground_get();

	mutex_lock(&kbd_lock);
	show_leds_locked(leds_of(vt != NULL ? &vt->keys : &no_console));
	mutex_unlock(&kbd_lock);
	if (vt != NULL)
		vt_put(vt);
}

/* Output of vt was stopped, or goes on. */
void
keys_set_scroll_lock(struct vt *vt, bool on)
{
	mutex_lock(&kbd_lock);
	vt->keys.locks = (u8)((vt->keys.locks & ~LED_SCR) | (on ? LED_SCR : 0));
	if (vt->number == vt_foreground())
		show_leds_locked(leds_of(&vt->keys));
	mutex_unlock(&kbd_lock);
}

void
keyboard_attach(struct keyboard_device *kd)
{
	mutex_lock(&kbd_lock);
	kd->next = devices;
	devices = kd;
	leds_shown = 0xff;
	mutex_unlock(&kbd_lock);
	keys_update_leds();
}

/* --- keys --- */

static void
toggle_hold(struct tty *tty)
{
	bool stop;

	mutex_lock(&tty->lock);
	stop = !tty->ldisc.stopped;
	tty->ldisc.stopped = stop;
	tty->ldisc.ops->stop(&tty->ldisc, stop);
	mutex_unlock(&tty->lock);
}

static void
act(struct vt *vt, const struct key_result *r)
{
	static const u8 zero, broken = LD_BREAK;

	switch (r->action) {
	case KEY_NONE:
		break;
	case KEY_SWITCH:
		(void)!vt_activate(r->number, false);
		break;
	case KEY_SWITCH_NEXT:
	case KEY_SWITCH_PREVIOUS:
		vt_activate_next(r->action == KEY_SWITCH_PREVIOUS);
		break;
	case KEY_SWITCH_LAST:
		vt_activate_last();
		break;
	case KEY_SCROLL_BACK:
		vt_scroll(vt, (s32)vt->screen.rows / 2);
		break;
	case KEY_SCROLL_FORWARD:
		vt_scroll(vt, -((s32)vt->screen.rows / 2));
		break;
	case KEY_HOLD:
		toggle_hold(&vt->tty);
		break;
	case KEY_BREAK:
		tty_receive(&vt->tty, &zero, &broken, 1);
		break;
	case KEY_REBOOT:
		ctrl_alt_del();
		break;
	}
}

void
keyboard_key(u32 key, bool down)
{
	struct vt *vt = vt_foreground_get();
	struct key_result r;

	mutex_lock(&kbd_lock);
	keyboard_translate(&kb, vt != NULL ? &vt->keys : &no_console, vt != NULL ? atomic_load_relaxed(&vt->modes) : 0, key, down, &r);
	mutex_unlock(&kbd_lock);
	if (vt == NULL) {
		if (r.action == KEY_REBOOT)
			ctrl_alt_del();
		return;
	}
	if (r.n > 0) {
		vt_scroll(vt, 0);
		tty_receive(&vt->tty, r.bytes, NULL, r.n);
	}
	act(vt, &r);
	if (r.leds)
		keys_update_leds();
	vt_put(vt);
}

void
keyboard_sysrq(u32 key)
{
	char c = keymap_us_char(key);

	if (c != 0)
		sysrq_press(c);
}

u32
keys_modifiers(void)
{
	return READ_ONCE(kb.modifiers);
}

/* --- ioctls --- */

/* The largest value of each type of symbol. */
static const u8 value_max[NR_TYPES] = {
	[KT_LATIN] = 255, [KT_FN] = MAX_NR_FUNC - 1, [KT_SPEC] = KS_BARE_NUM, [KT_PAD] = 19, [KT_DEAD] = 25, [KT_CONS] = 255, [KT_CUR] = 3,
	[KT_SHIFT] = NR_SHIFT - 1, [KT_META] = 255, [KT_ASCII] = 25, [KT_LOCK] = NR_SHIFT - 1, [KT_LETTER] = 255,
	[KT_SLOCK] = NR_SHIFT - 1, [KT_DEAD2] = 255, [KT_BRL] = 10,
};

static long
map_entry(const struct keyboard_console *con, unsigned int cmd, u64 arg, bool allowed)
{
	struct abi_kbentry __user *user = (void __user *)arg;
	struct abi_kbentry e;
	int err = 0;

	if (copy_from_user(&e, user, sizeof(e)) != 0)
		return -EFAULT;
	if (cmd == KDGKBENT) {
		mutex_lock(&kbd_lock);
		if (kb.map.tables[e.kb_table] == NULL)
			e.kb_value = e.kb_index != 0 ? K_HOLE : K_NOSUCHMAP;
		else
			e.kb_value = keymap_symbol(&kb.map, e.kb_table, e.kb_index);
		if (KTYP(e.kb_value) >= NR_TYPES && con->mode != K_UNICODE)
			e.kb_value = K_HOLE;
		mutex_unlock(&kbd_lock);
		return copy_to_user(user, &e, sizeof(e));
	}
	if (!allowed)
		return -EPERM;
	if (KTYP(e.kb_value) < NR_TYPES && e.kb_value != K_NOSUCHMAP && KVAL(e.kb_value) > value_max[KTYP(e.kb_value)])
		return -EINVAL;
	if (KTYP(e.kb_value) >= NR_TYPES && con->mode != K_UNICODE)
		return -EINVAL;
	mutex_lock(&kbd_lock);
	err = keymap_set(&kb.map, e.kb_table, e.kb_index, e.kb_value);
	mutex_unlock(&kbd_lock);
	return err;
}

static long
func_string(unsigned int cmd, u64 arg, bool allowed)
{
	struct abi_kbsentry __user *user = (void __user *)arg;
	char s[sizeof(user->kb_string)];
	u8 func;
	ssize_t n;
	int err;

	if (copy_from_user(&func, user, 1) != 0)
		return -EFAULT;
	if (cmd == KDGKBSENT) {
		mutex_lock(&kbd_lock);
		strlcpy(s, keymap_string(&kb.map, func), sizeof(s));
		mutex_unlock(&kbd_lock);
		return copy_to_user(user->kb_string, s, strlen(s) + 1);
	}
	if (!allowed)
		return -EPERM;
	n = copy_string_from_user(s, (const char __user *)user->kb_string, sizeof(s));
	if (n < 0)
		return n == -EFAULT ? -EFAULT : -EINVAL;
	mutex_lock(&kbd_lock);
	err = keymap_set_string(&kb.map, func, s);
	mutex_unlock(&kbd_lock);
	return err;
}

/* KDGKBLED, KDSKBLED: the locks and their defaults; KDGETLED, KDSETLED: the lights. */
static long
leds_ioctl(struct vt *vt, unsigned int cmd, u64 arg, bool allowed)
{
	struct keyboard_console *con = &vt->keys;
	u8 v;

	if (cmd == KDGKBLED || cmd == KDGETLED) {
		v = cmd == KDGETLED ? leds_of(con) : (u8)(con->locks | con->default_locks << 4);
		return copy_to_user((void __user *)arg, &v, 1);
	}
	if (!allowed)
		return -EPERM;
	if (cmd == KDSKBLED && arg & ~0x77UL)
		return -EINVAL;
	mutex_lock(&kbd_lock);
	if (cmd == KDSKBLED) {
		con->locks = (u8)(arg & 7);
		con->default_locks = (u8)(arg >> 4 & 7);
	} else {
		con->leds = arg & ~7UL ? -1 : (s8)arg;
	}
	mutex_unlock(&kbd_lock);
	keys_update_leds();
	return 0;
}

static long
set_mode(struct keyboard_console *con, u64 arg)
{
	if (arg > K_OFF)
		return -EINVAL;
	mutex_lock(&kbd_lock);
	con->mode = (u8)arg;
	mutex_unlock(&kbd_lock);
	return 0;
}

static long
set_meta(struct keyboard_console *con, u64 arg)
{
	if (arg != K_METABIT && arg != K_ESCPREFIX)
		return -EINVAL;
	mutex_lock(&kbd_lock);
	con->meta = (u8)arg;
	mutex_unlock(&kbd_lock);
	return 0;
}

long
keys_ioctl(struct vt *vt, unsigned int cmd, u64 arg, bool allowed)
{
	struct keyboard_console *con = &vt->keys;

	switch (cmd) {
	case KDGKBMODE:
		return put_user_u32(con->mode, (u32 __user *)arg);
	case KDSKBMODE:
		return allowed ? set_mode(con, arg) : -EPERM;
	case KDGKBMETA:
		return put_user_u32(con->meta, (u32 __user *)arg);
	case KDSKBMETA:
		return allowed ? set_meta(con, arg) : -EPERM;
	case KDGKBLED: case KDSKBLED: case KDGETLED: case KDSETLED:
		return leds_ioctl(vt, cmd, arg, allowed);
	case KDGKBENT: case KDSKBENT:
		return map_entry(con, cmd, arg, allowed && capable(CAP_SYS_TTY_CONFIG));
	case KDGKBSENT: case KDSKBSENT:
		return func_string(cmd, arg, allowed && capable(CAP_SYS_TTY_CONFIG));
	default:
		return -ENOIOCTLCMD;
	}
}
