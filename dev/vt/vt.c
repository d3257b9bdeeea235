/* SPDX-License-Identifier: BSD-2-Clause */
/* Virtual terminals as ttys: making them, opening them, what is written to them. console(4). */
#include "dev/vt/vt.h"

#include "dev/input/speaker.h"
#include "dev/vt/render.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/printf.h"
#include "sys/log.h"

#define WRITE_ROOM	4096u	/* the screen takes everything at once */
#define BELL_HZ		750u
#define BELL_MS		125u

struct mutex vt_lock = MUTEX_INIT(vt_lock, LOCK_CHRDEV);
static struct vt *vts[VT_COUNT + 1];	/* [v] by number; a reference each */

struct vt *
vt_of(struct tty *tty)
{
	return container_of(tty, struct vt, tty);
}

static struct vt *
vt_of_screen(struct emulator *em)
{
	return container_of(em, struct vt, screen);
}

void
vt_size_max(u32 *cols, u32 *rows)
{
	const struct framebuffer *fb = framebuffer_get();

	*cols = render_cols(fb);
	*rows = render_rows(fb);
}

/* --- the screen --- */

static void
on_reply(struct emulator *em, const char *s, u32 n)
{
	tty_receive(&vt_of_screen(em)->tty, (const u8 *)s, NULL, n);
}

static void
on_bell(struct emulator *em)
{
	(void)em;
	speaker_tone(BELL_HZ, BELL_MS);
}

static const struct emulator_ops screen_ops = { .reply = on_reply, .bell = on_bell };

void
vt_print(struct vt *vt, const u8 *p, size_t n)
{
	mutex_lock(&vt->lock);
	emulator_write(&vt->screen, p, n);
	atomic_store_relaxed(&vt->modes, vt->screen.modes);
	mutex_unlock(&vt->lock);
	if (vt_foreground() == vt->number)
		draw_kick();
}

void
vt_scroll(struct vt *vt, s32 lines)
{
	bool moved;

	mutex_lock(&vt->lock);
	moved = emulator_scroll_view(&vt->screen, lines != 0 ? lines : -(s32)vt->screen.view);
	mutex_unlock(&vt->lock);
	if (moved)
		draw_kick();
}

/* --- the tty's driver --- */

static u32
vt_write(struct tty *tty, const u8 *p, u32 n)
{
	vt_print(vt_of(tty), p, n);
	return n;
}

static u32
vt_write_room(struct tty *tty)
{
	(void)tty;
	return WRITE_ROOM;
}

static void
vt_stop(struct tty *tty, bool stop)
{
	keys_set_scroll_lock(vt_of(tty), stop);
}

/* The part of the display that programs asked for. Where there is no memory, the screen stays as it is. */
static void
vt_resize(struct tty *tty, const struct abi_winsize *ws)
{
	struct vt *vt = vt_of(tty);
	u32 cols, rows;
	void *storage;

	vt_size_max(&cols, &rows);
	cols = MIN((u32)ws->ws_col, cols);
	rows = MIN((u32)ws->ws_row, rows);
	if (cols == 0 || rows == 0)
		return;
	storage = kmem_valloc(emulator_storage_size(cols, rows, VT_HISTORY), KM_NORMAL);
	if (storage == NULL)
		return;
	mutex_lock(&vt->lock);
	storage = emulator_resize(&vt->screen, storage, cols, rows, VT_HISTORY);
	mutex_unlock(&vt->lock);
	kmem_vfree(storage);
	draw_kick();
}

static void
vt_release(struct tty *tty)
{
	struct vt *vt = vt_of(tty);

	pid_put(vt->owner);
	kmem_vfree(vt->screen.storage);
	kmem_vfree(vt);
}

static const struct tty_ops vt_tty_ops = {
	.write = vt_write,
	.write_room = vt_write_room,
	.stop = vt_stop,
	.ioctl = vt_ioctl,
	.resize = vt_resize,
	.release = vt_release,
};

/* --- the table --- */

static struct vt *
create(u32 number)
{
	struct vt *vt = kmem_valloc(sizeof(*vt), KM_ZERO);
	u32 cols, rows;
	char name[16];
	void *storage;

	if (vt == NULL)
		return NULL;
	vt_size_max(&cols, &rows);
	storage = kmem_valloc(emulator_storage_size(cols, rows, VT_HISTORY), KM_NORMAL);
	if (storage == NULL) {
		kmem_vfree(vt);
		return NULL;
	}
	vt->number = number;
	mutex_init(&vt->lock, LOCK_LEAF_SLEEP);
	emulator_init(&vt->screen, &screen_ops, storage, cols, rows, VT_HISTORY);
	vt->modes = vt->screen.modes;
	vt->keys = KEYBOARD_CONSOLE_INIT;
	snprintf(name, sizeof(name), "tty%u", number);
	tty_init(&vt->tty, &vt_tty_ops, vt, name, DEV_NUMBER(MAJOR_TTY, number));
	vt->tty.ldisc.t.c_iflag |= IUTF8;
	vt->tty.winsize = (struct abi_winsize){ .ws_row = (u16)rows, .ws_col = (u16)cols };
	return vt;
}

struct vt *
vt_get(u32 number)
{
	struct vt *vt = NULL;

	mutex_lock(&vt_lock);
	if (number <= VT_COUNT)
		vt = vts[number];
	if (vt != NULL)
		tty_get(&vt->tty);
	mutex_unlock(&vt_lock);
	return vt;
}

struct vt *
vt_foreground_get(void)
{
	struct vt *vt;

	mutex_lock(&vt_lock);
	vt = vts[vt_foreground()];
	if (vt != NULL)
		tty_get(&vt->tty);
	mutex_unlock(&vt_lock);
	return vt;
}

int
vt_get_or_create(u32 number, struct vt **out)
{
	int err = 0;

	if (number == 0 || number > VT_COUNT)
		return -ENXIO;
	mutex_lock(&vt_lock);
	if (vts[number] == NULL)
		vts[number] = create(number);
	*out = vts[number];
	if (*out != NULL)
		tty_get(&(*out)->tty);
	else
		err = -ENOMEM;
	mutex_unlock(&vt_lock);
	return err;
}

bool
vt_in_use(const struct vt *vt)
{
	/* The table's reference is the only one of a terminal that nobody has, and others are taken under vt_lock. */
	return refcount_read(&vt->tty.refs) > 1;
}

u32
vt_in_use_mask(void)
{
	u32 mask = 0;

	mutex_lock(&vt_lock);
	for (u32 i = 1; i <= VT_COUNT; i++)
		if (vts[i] != NULL && READ_ONCE(vts[i]->tty.opens) > 0)
			mask |= (u32)BIT(i);
	mutex_unlock(&vt_lock);
	return mask;
}

static bool
removable(u32 number)
{
	return number > 1 && number != vt_foreground() && vts[number] != NULL && !vt_in_use(vts[number]);
}

int
vt_disallocate(u32 number)
{
	int err = 0;

	if (number > VT_COUNT)
		return -ENXIO;
	mutex_lock(&vt_lock);
	for (u32 i = number != 0 ? number : 1; i <= (number != 0 ? number : VT_COUNT); i++) {
		if (removable(i)) {
			tty_put(&vts[i]->tty);
			vts[i] = NULL;
		} else if (number != 0) {
			err = -EBUSY;	/* for one that was never made, too: as on Linux */
		}
	}
	mutex_unlock(&vt_lock);
	return err;
}

/* --- nodes --- */

/* tty0 is whichever is in the foreground. */
static int
vt_open(struct vnode *vn, struct file *f)
{
	u32 number = (u32)(uintptr_t)f->priv;
	struct vt *vt;
	int err;

	(void)vn;
	f->priv = NULL;
	err = vt_get_or_create(number != 0 ? number : vt_foreground(), &vt);
	if (err != 0)
		return err;
	err = tty_open_file(&vt->tty, f);
	vt_put(vt);
	return err;
}

static const struct file_ops vt_fops = { .open = vt_open };
static struct chrdev chrdevs[VT_COUNT + 1];
static struct device devices[VT_COUNT + 1];

static int
register_node(u32 number)
{
	struct chrdev *c = &chrdevs[number];
	struct device *d = &devices[number];
	int err;

	*c = (struct chrdev){ .name = number == 0 ? "/dev/vc/0" : "tty", .major = MAJOR_TTY, .first = number, .count = 1, .ops = &vt_fops,
		.priv = (void *)(uintptr_t)number };
	err = chrdev_register(c);
	if (err != 0)
		return err;
	snprintf(d->name, sizeof(d->name), "tty%u", number);
	d->class = &device_class_tty;
	d->devt = DEV_NUMBER(MAJOR_TTY, number);
	d->mode = 0620;
	d->gid = 5;		/* group tty, as Debian numbers it */
	err = device_register(d);
	if (err != 0)
		chrdev_unregister(c);
	return err;
}

static struct tty *
foreground_tty(void)
{
	struct vt *vt = vt_foreground_get();

	return vt != NULL ? &vt->tty : NULL;
}

/* The log goes to the screen where tty0 or one of the terminals is a console=, and where none is given. */
static void
start_console(void)
{
	char name[16];

	if (tty_console_wanted("tty0")) {
		tty_set_console_found("tty0", foreground_tty);
		logcons_init(0);
		return;
	}
	for (u32 i = 1; i <= VT_COUNT; i++) {
		struct vt *vt;

		snprintf(name, sizeof(name), "tty%u", i);
		if (!tty_console_wanted(name) || vt_get_or_create(i, &vt) != 0)
			continue;
		tty_set_console(&vt->tty);
		logcons_init(i);
		vt_put(vt);
	}
}

void
vt_init(void)
{
	struct vt *first;

	keys_init();
	if (!draw_init()) {
		log_info("vt: no framebuffer, so no virtual terminals");
		return;
	}
	if (vt_get_or_create(1, &first) != 0) {
		log_err("vt: no memory for a virtual terminal");
		return;
	}
	mutex_lock(&vt_lock);
	vt_show_first_locked(first);
	mutex_unlock(&vt_lock);
	draw_start();
	for (u32 i = 0; i <= VT_COUNT; i++)
		if (register_node(i) != 0)
			log_err("vt: cannot register tty%u", i);
	log_info("vt: %u virtual terminals of %u columns and %u lines", VT_COUNT, first->screen.cols, first->screen.rows);
	start_console();
	vt_put(first);
}
