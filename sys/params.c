/* SPDX-License-Identifier: BSD-2-Clause */
/* sys/params.h. All text lives in one buffer of the command line's size: no allocation, so it works before memory does. */
#include "sys/abi/errno.h"
#include "sys/lib/cmdline.h"
#include "sys/lib/string.h"
#include "sys/log.h"
#include "sys/panic.h"
#include "sys/params.h"
#include "sys/percpu.h"
#include "sys/syscall.h"

#define TEXT_SIZE	8192
#define QUIET_LEVEL	4

struct params params;

static char text[TEXT_SIZE];
static size_t text_used;

static void
bad_value(const char *key, const char *value)
{
	log_warn("params: %s=%s: not a value for it, ignored", key, value);
}

static bool
parse_int(const char *key, const char *value, s64 min, s64 max, s64 *out)
{
	s64 v;

	if (parse_s64(value, NULL, 0, &v) != 0 || v < min || v > max) {
		bad_value(key, value);
		return false;
	}
	*out = v;
	return true;
}

static void
set_quiet(const char *value)
{
	log_console_level = QUIET_LEVEL;
}

static void
set_debug(const char *value)
{
	log_console_level = LOG_DEBUG + 1;
}

static void
set_loglevel(const char *value)
{
	s64 v;

	if (parse_int("loglevel", value, 0, 15, &v))
		log_console_level = (int)v;
}

static void
set_panic(const char *value)
{
	s64 v;

	if (parse_int("panic", value, INT32_MIN, INT32_MAX, &v))
		panic_timeout = (int)v;
}

static void
set_oops(const char *value)
{
	if (strcmp(value, "panic") == 0)
		panic_on_oops = true;
	else
		bad_value("oops", value);
}

static void
set_maxcpus(const char *value)
{
	s64 v;

	if (parse_int("maxcpus", value, 0, INT32_MAX, &v))
		params.max_cpus = (u32)MIN(MAX(v, (s64)1), (s64)CPU_MAX);
}

static void
set_nosmp(const char *value)
{
	params.max_cpus = 1;
}

static void
set_init(const char *value)
{
	params.init = value;
}

static void
set_rdinit(const char *value)
{
	params.rdinit = value;
}

static void
set_selftest(const char *value)
{
	params.selftest = true;
}

static void
set_trace(const char *value)
{
	syscall_trace_set(value);
}

/* NULL: read elsewhere. */
static const struct { const char *key; void (*set)(const char *value); } known[] = {
	{ "BOOT_IMAGE", NULL }, { "console", NULL }, { "debug", set_debug }, { "earlycon", NULL }, { "earlyprintk", NULL },
	{ "ignore_loglevel", set_debug }, { "init", set_init }, { "initrd", NULL }, { "ip", NULL }, { "loglevel", set_loglevel },
	{ "maxcpus", set_maxcpus }, { "mem", NULL }, { "nofsgsbase", NULL }, { "nokaslr", NULL }, { "nosmap", NULL },
	{ "nosmep", NULL }, { "nosmp", set_nosmp }, { "oops", set_oops }, { "panic", set_panic }, { "quiet", set_quiet },
	{ "rdinit", set_rdinit }, { "ro", NULL }, { "root", NULL }, { "rootdelay", NULL }, { "rootflags", NULL },
	{ "rootfstype", NULL }, { "rootwait", NULL }, { "rw", NULL }, { "selftest", set_selftest }, { "splash", NULL },
	{ "trace_syscalls", set_trace }, { "tsc", NULL }, { "clocksource", NULL }, { "norandmaps", NULL }, { "reboot", NULL },
};

/* A terminated copy of n bytes without quotes. */
static char *
keep(const char *part, size_t n)
{
	char *s = text + text_used;

	if (text_used + n + 1 > TEXT_SIZE)
		return NULL;
	cmdline_copy(s, n + 1, part, n);
	text_used += strlen(s) + 1;
	return s;
}

static void
add(char **list, u32 first, char *s)
{
	u32 i = first;

	while (list[i] != NULL && i < INIT_ARGS_MAX + first)
		i++;
	if (s == NULL || i == INIT_ARGS_MAX + first)
		log_warn("params: too many arguments for init, some are left out");
	else
		list[i] = s;
}

static void
parse_word(const struct cmdline_word *w)
{
	size_t whole = w->value != NULL ? (size_t)(w->value - w->key) + w->value_len : w->key_len;
	char *value;

	for (u32 i = 0; i < ARRAY_SIZE(known); i++) {
		if (!cmdline_key_is(w, known[i].key))
			continue;
		value = w->value != NULL ? keep(w->value, w->value_len) : keep("", 0);
		if (known[i].set != NULL && value != NULL)
			known[i].set(value);
		return;
	}
	if (w->value == NULL) {
		add(params.argv, 1, keep(w->key, whole));
		return;
	}
	for (size_t i = 0; i < w->key_len; i++)
		if (w->key[i] == '.')
			return;
	add(params.envp, 2, keep(w->key, whole));
}

void
params_parse(const char *cmdline)
{
	static char home[] = "HOME=/", term[] = "TERM=linux";
	struct cmdline_word w;
	const char *pos = cmdline;

	params = (struct params){ .max_cpus = CPU_MAX, .rdinit = "/init" };
	params.envp[0] = home;
	params.envp[1] = term;
	text_used = 0;
	while (cmdline_next(&pos, &w))
		parse_word(&w);
	pos = cmdline_init_args(cmdline);
	while (pos != NULL && cmdline_next(&pos, &w))
		add(params.argv, 1, keep(w.key, w.value != NULL ? (size_t)(w.value - w.key) + w.value_len : w.key_len));
}
