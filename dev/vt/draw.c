/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The thread that draws. Writers only say that something changed; what came together is drawn together, at most 60 times a second and
 * in a quarter of one CPU's time. The first change after a pause is drawn at once.
 */
#include "dev/vt/render.h"
#include "dev/vt/vt.h"

#include "sys/clock.h"
#include "sys/kmem.h"
#include "sys/log.h"

#define FRAME		(NSEC_PER_SEC / 60)
#define REST		3	/* times as long as drawing took */

static struct renderer renderer;	/* the thread's own, once it runs */
static u32 wanted;			/* [a] */
static u32 forget;			/* [a] */
static struct waitq draw_wq = WAITQ_INIT(draw_wq);

void
draw_kick(void)
{
	if (!atomic_xchg(&wanted, 1u))
		waitq_wake_all(&draw_wq);
}

void
draw_forget(void)
{
	atomic_store(&forget, 1u);
	draw_kick();
}

static void
draw_frame(void)
{
	struct vt *vt = vt_foreground_get();

	if (vt == NULL)
		return;
	if (!atomic_load(&vt->graphics)) {
		if (atomic_xchg(&forget, 0u)) {
			renderer.source = NULL;
			render_invalidate(&renderer);
		}
		mutex_lock(&vt->lock);
		render_take(&renderer, &vt->screen);
		mutex_unlock(&vt->lock);
		render_draw(&renderer);
	}
	vt_put(vt);
}

static void
draw_thread(void *arg)
{
	nsec_t next = 0;

	(void)arg;
	for (;;) {
		nsec_t start;

		wait_event_idle(&draw_wq, atomic_load(&wanted));
		while (clock_now() < next) {
			thread_set_state(THREAD_UNINTERRUPTIBLE);
			(void)!thread_schedule_until(next);
		}
		atomic_store(&wanted, 0u);
		start = clock_now();
		draw_frame();
		next = start + MAX(FRAME, (REST + 1) * (clock_now() - start));
	}
}

bool
draw_init(void)
{
	const struct framebuffer *fb = framebuffer_get();
	struct cell *cells;
	size_t n;

	if (fb == NULL || render_cols(fb) == 0 || render_rows(fb) == 0)
		return false;
	n = (size_t)render_cols(fb) * render_rows(fb);
	cells = kmem_valloc(2 * n * sizeof(*cells), KM_NORMAL);
	if (cells == NULL)
		return false;
	render_init(&renderer, fb, cells, cells + n);
	logcons_panic_init(&renderer);
	return true;
}

void
draw_start(void)
{
	if (thread_spawn(draw_thread, NULL, "vtdraw") != 0)
		log_err("vt: no memory for the drawing thread");
}
