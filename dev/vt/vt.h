/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual terminals: a tty, a screen and a keyboard's state each; one of them is in the foreground. Made when first opened.
 *
 * Lock key: [I] immutable  [a] atomic  [v] vt_lock  [l] own ->lock  [k] the keyboard's lock (dev/vt/keys.c)
 * Order: tty->lock < vt_lock < lock, the keyboard's lock.
 */
#ifndef DEV_VT_VT_H
#define DEV_VT_VT_H

#include "dev/tty/tty.h"
#include "dev/vt/emulator.h"
#include "dev/vt/keyboard.h"
#include "sys/abi/vt.h"

#define VT_COUNT	12u
#define VT_HISTORY	300u	/* lines of scrollback */

struct vt {
	struct tty tty;			/* its reference count is the vt's; the table holds one */
	u32 number;			/* [I] 1 .. VT_COUNT */
	struct mutex lock;		/* LOCK_LEAF_SLEEP */
	struct emulator screen;		/* [l] */
	u32 modes;			/* [a] the screen's, for the keyboard */
	bool graphics;			/* [a] KD_GRAPHICS: a program draws by itself */
	struct abi_vt_mode mode;	/* [v] */
	struct pid *owner;		/* [v] reference: whom VT_PROCESS asks; NULL with VT_AUTO */
	u32 switch_to;			/* [v] where to go when the owner agrees; 0: it isn't asked */
	struct keyboard_console keys;	/* [k] */
};

extern struct mutex vt_lock;		/* LOCK_CHRDEV: the table, the foreground, switching */

/* --- vt.c --- */
/* All of these give a reference (vt_put). The foreground is NULL only where there are no virtual terminals. */
struct vt *vt_foreground_get(void);
struct vt *vt_get(u32 number);					/* NULL: not made yet, or no such number */
int __must_check vt_get_or_create(u32 number, struct vt **out);	/* -ENXIO, -ENOMEM */
static inline void vt_put(struct vt *vt) { tty_put(&vt->tty); }
u32 vt_foreground(void);					/* its number, 0: there is none */
bool vt_in_use(const struct vt *vt);				/* somebody has it open; [v] */
/* Text for the screen, as a program would write it. */
void vt_print(struct vt *vt, const u8 *p, size_t n);
void vt_scroll(struct vt *vt, s32 lines);			/* 0: back to the end */
struct vt *vt_of(struct tty *tty);
/* How large a screen can be. */
void vt_size_max(u32 *cols, u32 *rows);

/* --- switch.c --- */
/* Bring a terminal to the foreground, or ask the one who is there; create: make it if need be. -ENXIO, -ENOMEM, -EINVAL (locked). */
int __must_check vt_activate(u32 number, bool create);
void vt_activate_next(bool backward);
void vt_activate_last(void);
int __must_check vt_wait_active(u32 number);			/* -ERESTARTSYS */
void vt_lock_switching(bool on);
int __must_check vt_set_mode(struct vt *vt, const struct abi_vt_mode *mode);
int __must_check vt_release_display(struct vt *vt, u64 arg);
/* The first of them comes up at boot. [v] */
void vt_show_first_locked(struct vt *vt);
/* A terminal goes (VT_DISALLOCATE): -EBUSY, -ENXIO. 0: all that are unused. */
int __must_check vt_disallocate(u32 number);
u32 vt_first_unused(void);					/* 0: none */
u32 vt_in_use_mask(void);

/* --- draw.c --- */
bool draw_init(void);			/* false: no framebuffer, or no memory */
void draw_start(void);			/* the thread */
void draw_kick(void);			/* something changed. Any thread context */
void draw_forget(void);			/* another terminal, or somebody else drew: all of it. Any thread context */
/* --- logcons.c --- */
void logcons_init(u32 number);		/* log lines on that terminal; 0: on the one in the foreground */
void logcons_redirect(u32 number);
u32 logcons_target(void);
struct renderer;
void logcons_panic_init(struct renderer *r);
/* --- ioctl.c --- */
long vt_ioctl(struct tty *tty, struct file *f, unsigned int cmd, u64 arg);
/* --- keys.c --- */
void keys_init(void);
void keys_update_leds(void);
long keys_ioctl(struct vt *vt, unsigned int cmd, u64 arg, bool allowed);
void keys_set_scroll_lock(struct vt *vt, bool on);
u32 keys_modifiers(void);

#endif
