/* SPDX-License-Identifier: BSD-2-Clause */
/* The trace switch and decoder: 1 traces all threads, NAME those of that name. trace_syscalls=, /proc/sys/kernel/trace_syscalls. */
#include "arch/mmu.h"
#include "arch/usercopy.h"
#include "sys/lib/printf.h"
#include "sys/lib/string.h"
#include "sys/log.h"
#include "sys/syscall.h"
#include "sys/syscall_trace.h"
#include "sys/thread.h"

#define LINE_SIZE	256
#define STRING_SHOWN	48
#define ERRNO_MAX	4095

bool syscall_tracing;
static char only_name[THREAD_NAME_MAX];		/* ""; all. A torn name while it is set does no harm. */

static void
set_switch(bool on)
{
	atomic_add(&syscall_watchers, (u32)on - (u32)atomic_xchg(&syscall_tracing, on));
}

void
syscall_trace_set(const char *value)
{
	bool all = strcmp(value, "1") == 0 || value[0] == '\0';

	set_switch(false);
	strlcpy(only_name, all ? "" : value, sizeof(only_name));
	set_switch(strcmp(value, "0") != 0);
}

void
syscall_trace_get(char *buf, size_t size)
{
	strlcpy(buf, !atomic_load(&syscall_tracing) ? "0" : only_name[0] == '\0' ? "1" : only_name, size);
}

static bool
wanted(void)
{
	return only_name[0] == '\0' || strcmp(only_name, thread_current()->name) == 0;
}

static void
put_string(struct strbuf *sb, u64 addr)
{
	char s[STRING_SHOWN + 1];
	ssize_t n = -1;

	if (addr < ARCH_USER_MAX - STRING_SHOWN)
		n = arch_strncpy_from_user(s, (const char __user *)addr, STRING_SHOWN);
	if (n < 0) {
		strbuf_printf(sb, "%#lx", addr);
		return;
	}
	strbuf_putc(sb, '"');
	for (ssize_t i = 0; i < n; i++) {
		if (is_print(s[i]) && s[i] != '"')
			strbuf_putc(sb, s[i]);
		else
			strbuf_printf(sb, "\\%03o", (u8)s[i]);
	}
	strbuf_puts(sb, n == STRING_SHOWN ? "\"..." : "\"");
}

static void
put_value(struct strbuf *sb, char kind, u64 v)
{
	switch (kind) {
	case 'i':
		strbuf_printf(sb, "%d", (int)v);
		break;
	case 'u':
		strbuf_printf(sb, "%u", (u32)v);
		break;
	case 'l':
		strbuf_printf(sb, "%ld", (long)v);
		break;
	case 'z':
		strbuf_printf(sb, "%lu", v);
		break;
	case 'h':
		strbuf_printf(sb, "%#x", (u32)v);
		break;
	case 'o':
		strbuf_printf(sb, "%#o", (u32)v);
		break;
	case 'd':
		if ((int)v == -100)
			strbuf_puts(sb, "AT_FDCWD");
		else
			strbuf_printf(sb, "%d", (int)v);
		break;
	case 's':
		put_string(sb, v);
		break;
	default:
		strbuf_printf(sb, "%#lx", v);
	}
}

/* "name(fd=3, ...)"; args is "ifd,xbuf,...": a letter and a name each. */
static void
put_call(struct strbuf *sb, long nr, const u64 *args)
{
	const struct syscall_shape *shape = (u64)nr < SYSCALL_COUNT ? &syscall_shapes[nr] : NULL;
	const char *p;

	if (shape == NULL || shape->name == NULL) {
		strbuf_printf(sb, "syscall_%ld(%#lx, %#lx, %#lx)", nr, args[0], args[1], args[2]);
		return;
	}
	strbuf_printf(sb, "%s(", shape->name);
	p = shape->args != NULL ? shape->args : "";
	for (int i = 0; *p != '\0' && i < 6; i++) {
		char kind = *p++;
		size_t n = strcspn(p, ",");

		if (i > 0)
			strbuf_puts(sb, ", ");
		strbuf_write(sb, p, n);
		strbuf_putc(sb, '=');
		put_value(sb, kind, args[i]);
		p += n + (p[n] == ',');
	}
	strbuf_putc(sb, ')');
}

static bool
may_not_return(long nr)
{
	const char *name = (u64)nr < SYSCALL_COUNT ? syscall_shapes[nr].name : NULL;

	return name != NULL && (strcmp(name, "exit") == 0 || strcmp(name, "exit_group") == 0 || strcmp(name, "execve") == 0 ||
		strcmp(name, "execveat") == 0 || strcmp(name, "rt_sigreturn") == 0);
}

static void
print_call(long nr, const u64 *args, const char *result)
{
	char line[LINE_SIZE];
	struct strbuf sb;

	strbuf_init(&sb, line, sizeof(line));
	put_call(&sb, nr, args);
	log_info("%s[%d] %s%s", thread_current()->name, thread_tid(thread_current()), line, result);
}

void
syscall_trace_enter(long nr, const u64 *args)
{
	if (wanted() && may_not_return(nr))
		print_call(nr, args, " ...");
}

void
syscall_trace_exit(long nr, const u64 *args, long result)
{
	char text[40];
	struct strbuf sb;

	if (!wanted() || (may_not_return(nr) && result >= 0))
		return;
	strbuf_init(&sb, text, sizeof(text));
	strbuf_puts(&sb, " = ");
	if (result < 0 && result >= -ERRNO_MAX)
		strbuf_printf(&sb, "-1 (errno %ld)", -result);
	else
		put_value(&sb, (u64)nr < SYSCALL_COUNT && syscall_shapes[nr].result != 0 ? syscall_shapes[nr].result : 'l', (u64)result);
	print_call(nr, args, text);
}
