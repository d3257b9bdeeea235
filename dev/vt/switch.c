/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which virtual terminal is in the foreground. A program that draws by itself may ask to be asked (VT_PROCESS): it gets a signal,
 * and the switch waits until it agrees (VT_RELDISP), or is gone. ioctl_console(2).
 */
#include "dev/vt/vt.h"

#include "sys/abi/errno.h"
#include "sys/signal.h"
#include "sys/thread.h"

static u32 foreground;			/* [v], read anywhere: [a] */
static u32 previous;			/* [v] the one before */
static bool locked;			/* [v] VT_LOCKSWITCH */
static struct waitq switched = WAITQ_INIT(switched);

u32
vt_foreground(void)
{
	return atomic_load_relaxed(&foreground);
}

/* Back to automatic: the owner is gone, or wants it. [v] */
static void
reset_mode_locked(struct vt *vt)
{
	mutex_assert_held(&vt_lock);
	pid_put(vt->owner);
	vt->owner = NULL;
	vt->mode = (struct abi_vt_mode){ .mode = (s8)VT_AUTO };
	vt->switch_to = 0;
}

static bool
signal_owner_locked(struct vt *vt, int sig)
{
	mutex_assert_held(&vt_lock);
	return vt->owner != NULL && sig >= 0 && sig <= NSIG && (sig == 0 || signal_send_pid(vt->owner, sig, NULL) == 0);
}

static void
complete_locked(struct vt *to)
{
	mutex_assert_held(&vt_lock);
	if (to->number != foreground) {
		previous = foreground;
		atomic_store(&foreground, to->number);
	}
	if (to->mode.mode == (s8)VT_PROCESS && !signal_owner_locked(to, to->mode.acqsig)) {
		reset_mode_locked(to);
		atomic_store(&to->graphics, false);
	}
	draw_forget();
	waitq_wake_all(&switched);
}

void
vt_show_first_locked(struct vt *vt)
{
	complete_locked(vt);
}

/* from is in the foreground; to is where to go. */
static int
start_locked(struct vt *from, struct vt *to)
{
	mutex_assert_held(&vt_lock);
	if (locked)
		return -EINVAL;
	if (from == to)
		return 0;
	if (from->mode.mode == (s8)VT_PROCESS) {
		from->switch_to = to->number;
		if (signal_owner_locked(from, from->mode.relsig))
			return 0;	/* it will answer */
		reset_mode_locked(from);
		atomic_store(&from->graphics, false);
	} else if (atomic_load(&from->graphics)) {
		return 0;		/* automatic switching is off while a program draws, as on Linux */
	}
	complete_locked(to);
	return 0;
}

int
vt_activate(u32 number, bool create)
{
	struct vt *to = NULL, *from = vt_foreground_get();
	int err = -ENXIO;

	if (from == NULL)
		return err;
	if (create)
		err = vt_get_or_create(number, &to);
	else if ((to = vt_get(number)) != NULL)
		err = 0;
	if (err == 0) {
		mutex_lock(&vt_lock);
		if (from->number == foreground)	/* else somebody was quicker */
			err = start_locked(from, to);
		mutex_unlock(&vt_lock);
		vt_put(to);
		keys_update_leds();
	}
	vt_put(from);
	return err;
}

void
vt_activate_next(bool backward)
{
	u32 number = vt_foreground();

	for (u32 i = 1; i < VT_COUNT; i++) {
		struct vt *vt;

		number = (number - 1 + (backward ? VT_COUNT - 1 : 1)) % VT_COUNT + 1;
		vt = vt_get(number);
		if (vt != NULL) {
			vt_put(vt);
			(void)!vt_activate(number, false);
			return;
		}
	}
}

void
vt_activate_last(void)
{
	u32 number = READ_ONCE(previous);

	if (number != 0)
		(void)!vt_activate(number, false);
}

int
vt_wait_active(u32 number)
{
	return wait_event_interruptible(&switched, vt_foreground() == number);
}

void
vt_lock_switching(bool on)
{
	mutex_lock(&vt_lock);
	locked = on;
	mutex_unlock(&vt_lock);
}

int
vt_set_mode(struct vt *vt, const struct abi_vt_mode *mode)
{
	struct pid *owner = NULL;

	if (mode->mode != (s8)VT_AUTO && mode->mode != (s8)VT_PROCESS)
		return -EINVAL;
	if (mode->mode == (s8)VT_PROCESS)
		pid_get(owner = process_tgid_current());
	mutex_lock(&vt_lock);
	pid_put(vt->owner);
	vt->owner = owner;
	vt->mode = *mode;
	vt->mode.frsig = 0;
	vt->switch_to = 0;
	mutex_unlock(&vt_lock);
	return 0;
}

/* VT_RELDISP: 0 refuses a switch, another number allows it; VT_ACKACQ answers the coming back. */
int
vt_release_display(struct vt *vt, u64 arg)
{
	u32 number;

	mutex_lock(&vt_lock);
	if (vt->mode.mode != (s8)VT_PROCESS) {
		mutex_unlock(&vt_lock);
		return -EINVAL;
	}
	number = vt->switch_to;
	vt->switch_to = 0;
	mutex_unlock(&vt_lock);
	if (number == 0)
		return arg == VT_ACKACQ ? 0 : -EINVAL;
	if (arg != 0) {
		struct vt *to;
		int err = vt_get_or_create(number, &to);

		if (err != 0)
			return err;
		mutex_lock(&vt_lock);
		complete_locked(to);
		mutex_unlock(&vt_lock);
		vt_put(to);
		keys_update_leds();
	}
	return 0;
}

u32
vt_first_unused(void)
{
	u32 used = vt_in_use_mask();

	for (u32 i = 1; i <= VT_COUNT; i++)
		if (!(used & BIT(i)))
			return i;
	return 0;
}
