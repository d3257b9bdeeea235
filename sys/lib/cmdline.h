/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's command line, with Linux's rules (bootparam(7)): words separated by white space; double quotes keep
 * white space and are dropped; "key=value" or a bare "key"; '-' and '_' in keys are alike; what follows a
 * word "--" is init's and no business of ours. Nothing is copied: words point into the line.
 */
#ifndef SYS_LIB_CMDLINE_H
#define SYS_LIB_CMDLINE_H

#include "sys/lib/types.h"

/* A word; the parts are not terminated and may hold quotes that cmdline_copy drops. */
struct cmdline_word {
	const char *key;
	size_t key_len;
	const char *value;	/* NULL without '=' */
	size_t value_len;
};

/* The next word before "--"; *pos starts as the line and moves on. False at the end. */
bool cmdline_next(const char **pos, struct cmdline_word *w);

/* Copies n bytes of a word without its quotes, cut to size, terminated. Returns the whole length. */
size_t cmdline_copy(char *buf, size_t size, const char *part, size_t n);

bool cmdline_key_is(const struct cmdline_word *w, const char *key);

/*
 * The value of the *last* "key=..." or bare key in the line, without quotes, cut to size. Returns its length (0 for a
 * bare key), or -ENOENT. buf is unchanged if there is none.
 */
int cmdline_get(const char *line, const char *key, char *buf, size_t size);

/* Each occurrence in turn: *pos starts as the line. Length or -ENOENT, as cmdline_get. */
int cmdline_get_next(const char **pos, const char *key, char *buf, size_t size);

/* Is the bare key (or key=...) there? */
bool cmdline_has(const char *line, const char *key);

/* What follows "--" (init's arguments), or NULL. */
const char *cmdline_init_args(const char *line);

#endif
