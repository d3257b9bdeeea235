/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log ring and its consoles.
 *
 * Writing takes no lock, so it works in any context: a record gets its sequence number and its bytes of the text ring by one atomic
 * addition each, and is marked complete when it is written. A reader copies, then checks that the record is still the
 * same and its text not yet overwritten. (A writer that stands still, with interrupts off, while the others
 * fill the whole ring can garble a line; nothing worse.)
 *
 * Who logs also prints: the one who gets the consoles' flag prints all there is, also what others add meanwhile. Who
 * doesn't get it goes on: the holder looks again after letting go, so no line is left behind.
 *
 * Readers are woken by the next tick or idle loop, since log_printf() may be called under any lock.
 */
#include "arch/cpu.h"
#include "sys/clock_update.h"
#include "sys/lib/atomic.h"
#include "sys/lib/printf.h"
#include "sys/lib/string.h"
#include "sys/log.h"
#include "sys/log_wake.h"
#include "sys/percpu.h"
#include "sys/wait.h"
#include "sys/watchdog.h"

#define TEXT_SIZE	(128 * KIB)	/* power of two */
#define RECORDS		2048u		/* power of two */
#define LINE_MAX	480
#define PREFIX_MAX	32
#define LEVEL_DEFAULT	7		/* consoles show what is below: up to LOG_INFO */

struct slot {
	u64 tag;		/* [a] (seq << 1) + 2, + 1 when complete; 0: never used */
	u64 pos;		/* where its text starts: byte number since boot */
	nsec_t time;
	u32 len;
	u16 cpu;
	u8 level;
};

static char text_ring[TEXT_SIZE];
static struct slot slots[RECORDS];
static u64 next_seq;			/* [a] */
static u64 text_end;			/* [a] bytes ever given out */
static u64 clear_seq;			/* [a] */

int log_console_level = LEVEL_DEFAULT;
static struct list consoles = LIST_INIT(consoles);	/* by who has consoles_busy */
static u32 consoles_busy;				/* [a] */
static u64 console_seq;					/* by who has consoles_busy: the next record to print */
static bool panic_mode;					/* [a] */

static struct waitq log_wq = WAITQ_INIT(log_wq);
u32 log_wake_wanted;					/* [a] */

static void
ring_put(u64 pos, const char *s, u32 n)
{
	u64 at = pos & (TEXT_SIZE - 1);
	u64 first = MIN((u64)n, TEXT_SIZE - at);

	memcpy(text_ring + at, s, first);
	memcpy(text_ring, s + first, n - first);
}

static void
ring_get(u64 pos, char *s, u32 n)
{
	u64 at = pos & (TEXT_SIZE - 1);
	u64 first = MIN((u64)n, TEXT_SIZE - at);

	memcpy(s, text_ring + at, first);
	memcpy(s + first, text_ring, n - first);
}

static void
append(u8 level, const char *line, u32 len)
{
	u64 flags = arch_irq_save();
	u64 seq = atomic_fetch_add(&next_seq, 1);
	u64 pos = atomic_fetch_add(&text_end, (u64)len);
	struct slot *s = &slots[seq & (RECORDS - 1)];

	atomic_store(&s->tag, (seq << 1) + 2);
	ring_put(pos, line, len);
	s->pos = pos;
	s->time = clock_now_try();
	s->len = len;
	s->cpu = (u16)cpu_id();
	s->level = level;
	atomic_store_release(&s->tag, (seq << 1) + 3);
	arch_irq_restore(flags);
}

u64
log_next_seq(void)
{
	return atomic_load(&next_seq);
}

enum slot_state { SLOT_COMPLETE, SLOT_BEING_WRITTEN, SLOT_GONE };

/* Copy record seq; text may be NULL. */
static enum slot_state
read_slot(u64 seq, struct log_record *rec, char *text, size_t size)
{
	struct slot *s = &slots[seq & (RECORDS - 1)];
	u64 tag = atomic_load_acquire(&s->tag);
	u64 pos;

	if (tag < (seq << 1) + 3)
		return SLOT_BEING_WRITTEN;
	if (tag > (seq << 1) + 3)
		return SLOT_GONE;
	pos = s->pos;
	*rec = (struct log_record){ .seq = seq, .time = s->time, .level = s->level, .len = s->len, .cpu = s->cpu };
	if (text != NULL)
		ring_get(pos, text, (u32)MIN((size_t)MIN(rec->len, (u32)LINE_MAX), size));
	smp_rmb();
	if (atomic_load_relaxed(&s->tag) != tag || atomic_load(&text_end) - pos > TEXT_SIZE)
		return SLOT_GONE;
	return SLOT_COMPLETE;
}

int
log_read(u64 seq, struct log_record *rec, char *text, size_t size)
{
	u64 end = log_next_seq();

	if (end > RECORDS && seq < end - RECORDS)
		seq = end - RECORDS;
	for (; seq < end; seq++) {
		switch (read_slot(seq, rec, text, size)) {
		case SLOT_COMPLETE:
			return 1;
		case SLOT_BEING_WRITTEN:
			return 0;
		case SLOT_GONE:
			break;
		}
	}
	return 0;
}

u64
log_first_seq(void)
{
	struct log_record rec;

	return log_read(0, &rec, NULL, 0) ? rec.seq : log_next_seq();
}

void
log_clear(void)
{
	atomic_store(&clear_seq, log_next_seq());
}

u64
log_clear_seq(void)
{
	return atomic_load(&clear_seq);
}

struct waitq *
log_waitq(void)
{
	return &log_wq;
}

void
log_wake_readers(void)
{
	if (atomic_xchg(&log_wake_wanted, 0u))
		waitq_wake_all(&log_wq);
}

/* "[    1.234567] text\n" into buf; the length. */
static size_t
format_line(const struct log_record *rec, const char *text, char *buf, size_t size)
{
	size_t n = (size_t)scnprintf(buf, size, "[%5lu.%06lu] ", (u64)rec->time / NSEC_PER_SEC,
		(u64)rec->time % NSEC_PER_SEC / NSEC_PER_USEC);
	size_t len = MIN((size_t)rec->len, size - n - 1);

	memcpy(buf + n, text, len);
	buf[n + len] = '\n';
	return n + len + 1;
}

/* Print what the consoles have not seen. The caller has them. Returns false if there is a record still being written. */
static void
print_new(struct log_console *only, u64 *seq)
{
	struct log_record rec;
	struct log_console *c;
	char text[LINE_MAX], line[PREFIX_MAX + LINE_MAX + 1];

	while (log_read(*seq, &rec, text, sizeof(text))) {
		*seq = rec.seq + 1;
		if (rec.level >= atomic_load_relaxed(&log_console_level) && !panic_mode)
			continue;
		size_t n = format_line(&rec, text, line, sizeof(line));

		watchdog_touch();	/* a slow line may keep us for long */
		if (only != NULL) {
			only->write(only, line, n);
			continue;
		}
		list_for_each(c, &consoles, node)
			if (!c->panic_only || panic_mode)
				c->write(c, line, n);
	}
}

static bool
consoles_try_take(void)
{
	preempt_disable();
	if (atomic_xchg(&consoles_busy, 1u) == 0 || panic_mode)
		return true;
	preempt_enable();
	return false;
}

static void
consoles_let_go(void)
{
	atomic_store(&consoles_busy, 0u);
	preempt_enable();
}

static bool
anything_new(void)
{
	struct log_record rec;

	return log_read(atomic_load_relaxed(&console_seq), &rec, NULL, 0);
}

static void
flush_consoles(void)
{
	while (anything_new() && consoles_try_take()) {
		print_new(NULL, &console_seq);
		consoles_let_go();
	}
}

void
log_vprintf(enum log_level level, const char *fmt, va_list ap)
{
	char line[LINE_MAX];
	int n = vscnprintf(line, sizeof(line), fmt, ap);

	while (n > 0 && line[n - 1] == '\n')
		n--;
	append((u8)((unsigned)level <= LOG_DEBUG ? level : LOG_INFO), line, (u32)n);
	atomic_store_relaxed(&log_wake_wanted, 1u);
	flush_consoles();
}

void
log_printf(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vprintf(level, fmt, ap);
	va_end(ap);
}

static void
take_consoles(void)
{
	while (!consoles_try_take())
		arch_pause();
}

/* The first real console takes over from the early ones. */
void
log_console_register(struct log_console *c, bool replay)
{
	struct log_console *other, *next;
	u64 seq = 0;

	take_consoles();
	if (!c->early && !c->panic_only)
		list_for_each_safe(other, next, &consoles, node)
			if (other->early)
				list_del_init(&other->node);
	if (replay)
		print_new(c, &seq);
	list_add_tail(&consoles, &c->node);
	consoles_let_go();
	flush_consoles();
}

void
log_console_unregister(struct log_console *c)
{
	take_consoles();
	if (list_is_linked(&c->node))
		list_del_init(&c->node);
	consoles_let_go();
}

void
log_panic_mode(void)
{
	atomic_store(&panic_mode, true);
}
