/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's command line. */
#include "sys/lib/cmdline.h"

#include "sys/abi/errno.h"
#include "sys/lib/string.h"

/* The end of the word at s: the first white space outside quotes. An open quote lasts to the end of the line. */
static const char *
word_end(const char *s)
{
	bool quoted = false;

	for (; *s && (quoted || !is_space(*s)); s++) {
		if (*s == '"')
			quoted = !quoted;
	}
	return s;
}

/* The next word, "--" included; NULL at the end. */
static const char *
next_word(const char **pos, size_t *len)
{
	const char *start = *pos;

	while (is_space(*start))
		start++;
	*pos = word_end(start);
	*len = *pos - start;
	return *len ? start : NULL;
}

static bool
is_separator(const char *word, size_t len)
{
	return len == 2 && word[0] == '-' && word[1] == '-';
}

bool
cmdline_next(const char **pos, struct cmdline_word *w)
{
	const char *eq, *start = *pos;
	size_t len;
	const char *word = next_word(pos, &len);

	if (!word || is_separator(word, len)) {
		*pos = start;		/* stay before "--": asked again, the answer is the same */
		return false;
	}
	eq = memchr(word, '=', len);
	w->key = word;
	w->key_len = eq ? (size_t)(eq - word) : len;
	w->value = eq ? eq + 1 : NULL;
	w->value_len = eq ? len - w->key_len - 1 : 0;
	return true;
}

size_t
cmdline_copy(char *buf, size_t size, const char *part, size_t n)
{
	size_t len = 0;

	for (; n; n--, part++) {
		if (*part == '"')
			continue;
		if (len + 1 < size)
			buf[len] = *part;
		len++;
	}
	if (size)
		buf[MIN(len, size - 1)] = '\0';
	return len;
}

static char
fold(char c)
{
	return c == '-' ? '_' : c;
}

bool
cmdline_key_is(const struct cmdline_word *w, const char *key)
{
	for (size_t i = 0; i < w->key_len; i++) {
		if (w->key[i] == '"')
			continue;
		if (!*key || fold(w->key[i]) != fold(*key))
			return false;
		key++;
	}
	return !*key;
}

int
cmdline_get_next(const char **pos, const char *key, char *buf, size_t size)
{
	struct cmdline_word w;

	while (cmdline_next(pos, &w)) {
		if (cmdline_key_is(&w, key))
			return cmdline_copy(buf, size, w.value, w.value_len);
	}
	return -ENOENT;
}

int
cmdline_get(const char *line, const char *key, char *buf, size_t size)
{
	int len, last = -ENOENT;

	while ((len = cmdline_get_next(&line, key, buf, size)) >= 0)
		last = len;
	return last;
}

bool
cmdline_has(const char *line, const char *key)
{
	return cmdline_get(line, key, NULL, 0) >= 0;
}

const char *
cmdline_init_args(const char *line)
{
	const char *word;
	size_t len;

	while ((word = next_word(&line, &len))) {
		if (is_separator(word, len)) {
			while (is_space(*line))
				line++;
			return line;
		}
	}
	return NULL;
}
