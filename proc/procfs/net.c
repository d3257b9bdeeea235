/* SPDX-License-Identifier: BSD-2-Clause */
/* /proc/net: what sockets there are. proc(5). */
#include "proc/procfs/procfs.h"

#include "net/socket.h"

static int
show_unix(const struct proc_object *o, struct strbuf *out)
{
	(void)o;
	unix_show(out);
	return 0;
}

const struct proc_entry proc_net_table[] = {
	PROC_FILE("unix", 0444, show_unix),
	{ 0 },
};
