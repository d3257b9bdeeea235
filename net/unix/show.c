/* SPDX-License-Identifier: BSD-2-Clause */
/* The text of /proc/net/unix, proc(5). */
#include "net/unix/unix.h"

#include "sys/lib/printf.h"

#define FLAG_LISTENS	0x10000		/* __SO_ACCEPTCON */

/* A name as it is shown: NULs of abstract ones as '@'. */
static void
show_name(const struct unix_addr *a, struct strbuf *out)
{
	u32 n = a->len - offsetof(struct abi_sockaddr_un, sun_path);
	bool abstract = a->name.sun_path[0] == '\0';

	if (!abstract)
		n--;		/* counted with its terminator */
	strbuf_puts(out, " ");
	for (u32 i = 0; i < n; i++) {
		char c = a->name.sun_path[i];

		strbuf_printf(out, "%c", c != '\0' ? c : '@');
	}
}

/* SS_* of a socket that has a file, and of one that waits for accept(2). */
static u32
shown_state(const struct unix_socket *u)
{
	bool connected = READ_ONCE(u->state) == UNIX_CONNECTED || (unix_is_dgram(u) && READ_ONCE(u->peer) != NULL);

	if (READ_ONCE(u->sock.file) != NULL)
		return connected ? 3 : 1;
	return connected ? 2 : 4;
}

static void
show_socket(struct unix_socket *u, void *arg)
{
	const struct unix_addr *a = atomic_load_acquire(&u->addr);
	struct strbuf *out = arg;

	strbuf_printf(out, "%016x: %08X %08X %08X %04X %02X %5lu", 0, refcount_read(&u->refs), 0,
		READ_ONCE(u->state) == UNIX_LISTENING ? FLAG_LISTENS : 0, u->sock.type, shown_state(u), socket_ino(&u->sock));
	if (a != NULL)
		show_name(a, out);
	strbuf_puts(out, "\n");
}

void
unix_show(struct strbuf *out)
{
	strbuf_puts(out, "Num       RefCount Protocol Flags    Type St Inode Path\n");
	unix_for_each(show_socket, out);
}
