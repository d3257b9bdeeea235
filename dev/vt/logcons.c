/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's log on the screen. Lines are written in any context, where a screen's lock cannot be taken; so a thread reads the log
 * and prints it. A panic stops all threads: then the last lines are drawn straight over whatever is on the screen, without locks.
 */
#include "dev/vt/render.h"
#include "dev/vt/vt.h"

#include "sys/lib/printf.h"
#include "sys/lib/string.h"
#include "sys/log.h"

#define TEXT_MAX	480u
#define LINE_MAX	(TEXT_MAX + 40)
#define PANIC_COLOR	(15 | 1 << 4)	/* bright white on red */

static u32 target;			/* [a] terminal; 0: the one in the foreground */
static bool started;			/* boot only */

/* "[    1.234567] text\r\n" */
static size_t
format(const struct log_record *rec, const char *text, char *line, size_t size)
{
	return (size_t)scnprintf(line, size, "[%5lu.%06lu] %.*s\r\n", (u64)rec->time / NSEC_PER_SEC,
		(u64)rec->time % NSEC_PER_SEC / NSEC_PER_USEC, (int)MIN(rec->len, TEXT_MAX), text);
}

static void
print_record(const struct log_record *rec, const char *text)
{
	u32 number = atomic_load(&target);
	struct vt *vt = number != 0 ? vt_get(number) : vt_foreground_get();
	char line[LINE_MAX];
	size_t n;

	if (vt == NULL)
		return;
	n = format(rec, text, line, sizeof(line));
	vt_print(vt, (const u8 *)line, n);
	vt_put(vt);
}

static void
log_thread(void *arg)
{
	u64 seq = log_first_seq();
	struct log_record rec;
	char text[TEXT_MAX];

	(void)arg;
	for (;;) {
		wait_event_idle(log_waitq(), log_next_seq() > seq);
		while (log_read(seq, &rec, text, sizeof(text))) {
			seq = rec.seq + 1;
			if (rec.level < atomic_load_relaxed(&log_console_level))
				print_record(&rec, text);
		}
	}
}

void
logcons_redirect(u32 number)
{
	atomic_store(&target, number);
}

u32
logcons_target(void)
{
	return atomic_load(&target);
}

void
logcons_init(u32 number)
{
	atomic_store(&target, number);
	if (started)
		return;
	started = true;
	if (thread_spawn(log_thread, NULL, "vtlog") != 0)
		log_err("vt: no memory for the log's thread");
}

/* --- panics --- */

static struct renderer *panic_renderer;	/* [I] after boot */
static u32 panic_row;			/* one CPU prints a panic */
static struct cell panic_line[EMULATOR_COLS_MAX];

static void
panic_text(const char *text, size_t n)
{
	struct renderer *r = panic_renderer;

	while (n > 0) {
		size_t used = render_plain(panic_line, r->cols, PANIC_COLOR, text, n);

		render_cells(r, 0, panic_row, panic_line, r->cols);
		panic_row = (panic_row + 1) % r->rows;
		text += used;
		n -= used;
	}
}

/* What led to it: lines that the thread had no time to print. All but the newest, which comes by itself. */
static void
panic_context(void)
{
	u64 end = log_next_seq() - 1, seq = end - MIN(end, (u64)panic_renderer->rows / 2);
	static char text[TEXT_MAX], line[LINE_MAX];
	struct log_record rec;

	while (seq < end && log_read(seq, &rec, text, sizeof(text)) && rec.seq < end) {
		seq = rec.seq + 1;
		panic_text(line, format(&rec, text, line, sizeof(line)));
	}
}

static void
panic_write(struct log_console *c, const char *text, size_t len)
{
	static bool shown;

	(void)c;
	if (!shown) {
		shown = true;
		panic_renderer->pixel[PANIC_COLOR & 15] = framebuffer_pixel(panic_renderer->fb, 0xffffff);
		panic_renderer->pixel[PANIC_COLOR >> 4] = framebuffer_pixel(panic_renderer->fb, 0xaa0000);
		panic_context();
	}
	panic_text(text, len);
}

static struct log_console panic_console = { .name = "screen", .write = panic_write, .panic_only = true };

void
logcons_panic_init(struct renderer *r)
{
	panic_renderer = r;
	log_console_register(&panic_console, false);
}
