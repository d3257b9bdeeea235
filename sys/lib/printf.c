/* SPDX-License-Identifier: BSD-2-Clause */
/* Formatted text (C11 7.21.6.1, integers and strings only). */
#include "sys/lib/printf.h"

#include "sys/lib/string.h"

/* Declared in sys/panic.h; defined where symbols are known. */
void symbol_format(char *buf, size_t size, u64 addr) __weak;

/* Where the text goes: `len` counts everything, what does not fit is dropped. */
struct out {
	char *buf;
	size_t size, len;
};

struct spec {
	bool left, plus, space, alt, zero;
	int width, prec;		/* prec -1: none given */
	unsigned size;			/* of the integer argument, in bytes */
};

#define DIGITS_MAX	24		/* 2^64 in octal has 22 */
#define COUNT_MAX	(1 << 20)	/* greatest width and precision */

static void
out_char(struct out *o, char c)
{
	if (o->len + 1 < o->size)
		o->buf[o->len] = c;
	o->len++;
}

static void
out_fill(struct out *o, char c, int n)
{
	while (n-- > 0)
		out_char(o, c);
}

static void
out_text(struct out *o, const char *s, size_t n)
{
	while (n--)
		out_char(o, *s++);
}

static void
out_padded(struct out *o, const struct spec *sp, const char *s, size_t n)
{
	int pad = (size_t)sp->width > n ? sp->width - (int)n : 0;

	if (!sp->left)
		out_fill(o, ' ', pad);
	out_text(o, s, n);
	if (sp->left)
		out_fill(o, ' ', pad);
}

/* Digits of v, at the end of tmp; returns where they start. */
static char *
to_digits(char tmp[DIGITS_MAX], u64 v, unsigned base, bool upper)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char *p = tmp + DIGITS_MAX;

	if (base == 10) {
		for (; v; v /= 10)
			*--p = '0' + v % 10;
	} else {
		unsigned shift = base == 16 ? 4 : 3;

		for (; v; v >>= shift)
			*--p = digits[v & (base - 1)];
	}
	return p;
}

/* prefix: sign or 0x, or "" */
static void
out_number(struct out *o, const struct spec *sp, u64 v, unsigned base, bool upper, const char *prefix)
{
	char tmp[DIGITS_MAX], *digits = to_digits(tmp, v, base, upper);
	int ndigits = tmp + DIGITS_MAX - digits, nprefix = strlen(prefix);
	int zeros = 0, pad;

	if (sp->prec >= 0)
		zeros = sp->prec - ndigits;
	else if (!ndigits)
		zeros = 1;
	if (base == 8 && sp->alt && zeros <= 0)
		zeros = 1;
	zeros = MAX(zeros, 0);
	if (sp->zero && !sp->left && sp->prec < 0)
		zeros = MAX(zeros, sp->width - nprefix - ndigits);
	pad = sp->width - nprefix - zeros - ndigits;
	if (!sp->left)
		out_fill(o, ' ', pad);
	out_text(o, prefix, nprefix);
	out_fill(o, '0', zeros);
	out_text(o, digits, ndigits);
	if (sp->left)
		out_fill(o, ' ', pad);
}

static void
out_signed(struct out *o, const struct spec *sp, s64 v)
{
	const char *sign = v < 0 ? "-" : sp->plus ? "+" : sp->space ? " " : "";

	out_number(o, sp, v < 0 ? 0 - (u64)v : (u64)v, 10, false, sign);
}

static void
out_unsigned(struct out *o, const struct spec *sp, u64 v, char conv)
{
	unsigned base = conv == 'o' ? 8 : conv == 'u' ? 10 : 16;
	const char *prefix = "";

	if (base == 16 && sp->alt && v)
		prefix = conv == 'X' ? "0X" : "0x";
	out_number(o, sp, v, base, conv == 'X', prefix);
}

static void
out_string(struct out *o, const struct spec *sp, const char *s)
{
	if (!s)
		s = "(null)";
	out_padded(o, sp, s, sp->prec >= 0 ? strnlen(s, sp->prec) : strlen(s));
}

static void
out_pointer(struct out *o, const struct spec *sp, u64 v)
{
	out_number(o, sp, v, 16, false, "0x");
}

static void
out_symbol(struct out *o, const struct spec *sp, u64 addr)
{
	char text[128] = "";

	if (symbol_format)
		symbol_format(text, sizeof(text), addr);
	if (text[0])
		out_padded(o, sp, text, strnlen(text, sizeof(text)));
	else
		out_pointer(o, sp, addr);
}

/* A decimal number, cut to COUNT_MAX. */
static const char *
scan_int(const char *f, int *out)
{
	int v = 0;

	for (; is_digit(*f); f++) {
		v = MIN(v * 10 + (*f - '0'), COUNT_MAX);
	}
	*out = v;
	return f;
}

static const char *
scan_flags(const char *f, struct spec *sp)
{
	for (;; f++) {
		switch (*f) {
		case '-': sp->left = true; break;
		case '+': sp->plus = true; break;
		case ' ': sp->space = true; break;
		case '#': sp->alt = true; break;
		case '0': sp->zero = true; break;
		default: return f;
		}
	}
}

static const char *
scan_length(const char *f, struct spec *sp)
{
	sp->size = sizeof(int);
	switch (*f) {
	case 'h':
		sp->size = f[1] == 'h' ? sizeof(char) : sizeof(short);
		return f + (f[1] == 'h' ? 2 : 1);
	case 'l':
		sp->size = sizeof(long);
		return f + (f[1] == 'l' ? 2 : 1);
	case 'z':
	case 'j':
	case 't':
		sp->size = sizeof(long);
		return f + 1;
	default:
		return f;
	}
}

/* What a va_list is passed in, so that a callee advances the caller's. */
struct args {
	va_list ap;
};

/* Width or precision; '*' takes an argument. */
static const char *
scan_count(const char *f, struct args *a, int *out)
{
	if (*f != '*')
		return scan_int(f, out);
	*out = MAX(MIN(va_arg(a->ap, int), COUNT_MAX), -COUNT_MAX);
	return f + 1;
}

static const char *
scan_spec(const char *f, struct args *a, struct spec *sp)
{
	*sp = (struct spec){ .prec = -1 };
	f = scan_flags(f, sp);
	f = scan_count(f, a, &sp->width);
	if (sp->width < 0) {
		sp->left = true;
		sp->width = -sp->width;
	}
	if (*f == '.') {
		f = scan_count(f + 1, a, &sp->prec);
		sp->prec = MAX(sp->prec, -1);
	}
	return scan_length(f, sp);
}

static s64
arg_signed(struct args *a, unsigned size)
{
	if (size == sizeof(long))
		return va_arg(a->ap, long);
	int v = va_arg(a->ap, int);
	return size == sizeof(char) ? (signed char)v : size == sizeof(short) ? (short)v : v;
}

static u64
arg_unsigned(struct args *a, unsigned size)
{
	if (size == sizeof(long))
		return va_arg(a->ap, unsigned long);
	unsigned v = va_arg(a->ap, unsigned);
	return size == sizeof(char) ? (u8)v : size == sizeof(short) ? (u16)v : v;
}

/* One conversion; f is behind the '%'. Returns where the format goes on. */
static const char *
convert(struct out *o, const char *f, struct args *a)
{
	const char *start = f;
	struct spec sp;
	char c;

	f = scan_spec(f, a, &sp);
	switch (*f) {
	case 'd':
	case 'i':
		out_signed(o, &sp, arg_signed(a, sp.size));
		break;
	case 'u':
	case 'x':
	case 'X':
	case 'o':
		out_unsigned(o, &sp, arg_unsigned(a, sp.size), *f);
		break;
	case 'c':
		c = va_arg(a->ap, int);
		out_padded(o, &sp, &c, 1);
		break;
	case 's':
		out_string(o, &sp, va_arg(a->ap, const char *));
		break;
	case 'p':
		if (f[1] == 'S') {
			out_symbol(o, &sp, (u64)(uintptr_t)va_arg(a->ap, void *));
			f++;
		} else {
			out_pointer(o, &sp, (u64)(uintptr_t)va_arg(a->ap, void *));
		}
		break;
	case '%':
		out_char(o, '%');
		break;
	default:
		out_char(o, '%');
		return start;
	}
	return f + 1;
}

int
vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct out o = { buf, size, 0 };
	struct args a;

	va_copy(a.ap, ap);
	while (*fmt) {
		if (*fmt == '%')
			fmt = convert(&o, fmt + 1, &a);
		else
			out_char(&o, *fmt++);
	}
	va_end(a.ap);
	if (size)
		buf[MIN(o.len, size - 1)] = '\0';
	return MIN(o.len, (size_t)INT32_MAX);
}

int
snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}

int
vscnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	size_t n = vsnprintf(buf, size, fmt, ap);

	return size ? MIN(n, size - 1) : 0;
}

int
scnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vscnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}

void
strbuf_init(struct strbuf *sb, char *buf, size_t size)
{
	*sb = (struct strbuf){ .buf = buf, .size = size };
	if (size)
		buf[0] = '\0';
}

/* Bytes that still fit, besides the NUL. */
static size_t
strbuf_room(const struct strbuf *sb)
{
	return sb->size ? sb->size - 1 - sb->len : 0;
}

void
strbuf_write(struct strbuf *sb, const char *s, size_t n)
{
	size_t fit = MIN(n, strbuf_room(sb));

	sb->overflow |= fit < n;
	if (!fit)
		return;
	memcpy(sb->buf + sb->len, s, fit);
	sb->len += fit;
	sb->buf[sb->len] = '\0';
}

void
strbuf_putc(struct strbuf *sb, char c)
{
	strbuf_write(sb, &c, 1);
}

void
strbuf_puts(struct strbuf *sb, const char *s)
{
	strbuf_write(sb, s, strlen(s));
}

void
strbuf_vprintf(struct strbuf *sb, const char *fmt, va_list ap)
{
	size_t room = strbuf_room(sb);
	size_t n = vsnprintf(sb->size ? sb->buf + sb->len : NULL, sb->size ? room + 1 : 0, fmt, ap);

	sb->overflow |= n > room;
	sb->len += MIN(n, room);
}

void
strbuf_printf(struct strbuf *sb, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(sb, fmt, ap);
	va_end(ap);
}
