/* SPDX-License-Identifier: BSD-2-Clause */
/* syslog(2): the kernel log for dmesg(1) and klogd(8), as text. /dev/kmsg has the records. */
#include "proc/proc.h"
#include "sys/lib/printf.h"
#include "sys/mutex.h"
#include "sys/wait.h"
#include "syscall_protos.h"

enum { SYSLOG_CLOSE, SYSLOG_OPEN, SYSLOG_READ, SYSLOG_READ_ALL, SYSLOG_READ_CLEAR, SYSLOG_CLEAR, SYSLOG_CONSOLE_OFF,
	SYSLOG_CONSOLE_ON, SYSLOG_CONSOLE_LEVEL, SYSLOG_SIZE_UNREAD, SYSLOG_SIZE_BUFFER };

#define TEXT_MAX	512
#define LINE_MAX	(TEXT_MAX + 40)
#define BUFFER_SIZE	(128 * KIB)	/* what SIZE_BUFFER says: dmesg reads that much */
#define LEVEL_DEFAULT	7
#define LEVEL_MIN	1

static struct mutex read_lock = MUTEX_INIT(read_lock, LOCK_LEAF_SLEEP);
static u64 read_seq;			/* [read_lock] where SYSLOG_READ goes on */
static size_t read_done;		/* [read_lock] bytes of that record already given */
static int saved_level = -1;		/* [a] of CONSOLE_OFF */
int dmesg_restrict;

/* Record seq (or the next there is) as a line "<6>[    1.234567] text\n"; its length, 0: none. */
static size_t
format_record(u64 seq, struct log_record *rec, char *line)
{
	char text[TEXT_MAX];

	if (!log_read(seq, rec, text, sizeof(text)))
		return 0;
	return (size_t)scnprintf(line, LINE_MAX, "<%u>[%5lu.%06lu] %.*s\n", rec->level, (u64)rec->time / NSEC_PER_SEC,
		(u64)rec->time % NSEC_PER_SEC / NSEC_PER_USEC, (int)MIN(rec->len, (u32)TEXT_MAX), text);
}

static bool
unread(void)
{
	return log_next_seq() > READ_ONCE(read_seq);
}

/* Whole lines as far as they fit; a line longer than the buffer in parts. Each byte is given once. */
static long
read_some(char __user *buf, size_t len)
{
	char line[LINE_MAX];
	struct log_record rec;
	size_t done = 0;

	while (done < len) {
		size_t n = format_record(read_seq, &rec, line);
		size_t part;

		if (n == 0)
			break;
		if (rec.seq != read_seq)
			read_done = 0;
		part = MIN(n - read_done, len - done);
		if (part < n - read_done && done != 0)
			break;
		if (copy_to_user(buf + done, line + read_done, part) != 0)
			return done != 0 ? (long)done : -EFAULT;
		done += part;
		read_done += part;
		read_seq = rec.seq;
		if (read_done == n) {
			read_seq++;
			read_done = 0;
		}
	}
	return (long)done;
}

static long
syslog_read(char __user *buf, size_t len)
{
	long n;

	do {
		int err = wait_event_interruptible(log_waitq(), unread());

		if (err != 0)
			return err;
		mutex_lock(&read_lock);
		n = read_some(buf, len);
		mutex_unlock(&read_lock);
	} while (n == 0);
	return n;
}

/* The last lines since the last clear that fit. */
static long
syslog_read_all(char __user *buf, size_t len, bool clear)
{
	char line[LINE_MAX];
	struct log_record rec;
	u64 end = log_next_seq(), first = MAX(log_first_seq(), log_clear_seq());
	size_t total = 0, done = 0, n;

	for (u64 seq = first; seq < end && (n = format_record(seq, &rec, line)) != 0 && rec.seq < end; seq = rec.seq + 1)
		total += n;
	for (u64 seq = first; seq < end && (n = format_record(seq, &rec, line)) != 0 && rec.seq < end; seq = rec.seq + 1) {
		if (total > len) {
			total -= MIN(n, total);
			continue;
		}
		if (n > len - done)
			break;
		if (copy_to_user(buf + done, line, n) != 0)
			return -EFAULT;
		done += n;
	}
	if (clear)
		log_clear();
	return (long)done;
}

static long
size_unread(void)
{
	char line[LINE_MAX];
	struct log_record rec;
	size_t total = 0, n;

	mutex_lock(&read_lock);
	for (u64 seq = read_seq; (n = format_record(seq, &rec, line)) != 0; seq = rec.seq + 1)
		total += seq == read_seq && rec.seq == seq ? n - MIN(read_done, n) : n;
	mutex_unlock(&read_lock);
	return (long)total;
}

static long
console_level(int type, int level)
{
	int saved;

	switch (type) {
	case SYSLOG_CONSOLE_OFF:
		if (saved_level == -1)
			saved_level = log_console_level;
		log_console_level = LEVEL_MIN;
		return 0;
	case SYSLOG_CONSOLE_ON:
		saved = atomic_xchg(&saved_level, -1);
		if (saved != -1)
			log_console_level = saved;
		return 0;
	default:
		if (level < 1 || level > 8)
			return -EINVAL;
		log_console_level = MAX(level, LEVEL_MIN);
		saved_level = -1;
		return 0;
	}
}

static bool
allowed(int type)
{
	if (!dmesg_restrict && (type == SYSLOG_READ_ALL || type == SYSLOG_SIZE_BUFFER))
		return true;
	return capable(CAP_SYSLOG) || capable(CAP_SYS_ADMIN);
}

long
sys_syslog(int type, void __user *buf, int len)
{
	if (!allowed(type))
		return -EPERM;
	switch (type) {
	case SYSLOG_CLOSE:
	case SYSLOG_OPEN:
		return 0;
	case SYSLOG_READ:
	case SYSLOG_READ_ALL:
	case SYSLOG_READ_CLEAR:
		if (buf == NULL || len < 0)
			return -EINVAL;
		if (len == 0)
			return 0;
		if (!user_range_ok(buf, (size_t)len))
			return -EFAULT;
		if (type == SYSLOG_READ)
			return syslog_read(buf, (size_t)len);
		return syslog_read_all(buf, (size_t)len, type == SYSLOG_READ_CLEAR);
	case SYSLOG_CLEAR:
		log_clear();
		return 0;
	case SYSLOG_CONSOLE_OFF:
	case SYSLOG_CONSOLE_ON:
	case SYSLOG_CONSOLE_LEVEL:
		return console_level(type, len);
	case SYSLOG_SIZE_UNREAD:
		return size_unread();
	case SYSLOG_SIZE_BUFFER:
		return BUFFER_SIZE;
	default:
		return -EINVAL;
	}
}
