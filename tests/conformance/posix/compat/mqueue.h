/* SPDX-License-Identifier: BSD-2-Clause */
/* musl's <mqueue.h>, which also shows what <fcntl.h> does: POSIX allows it, and the suite counts on it. */
#include <fcntl.h>
#include_next <mqueue.h>
