/* SPDX-License-Identifier: BSD-2-Clause */
/* musl's <aio.h>, which also shows what <fcntl.h> does: POSIX allows it, and a score of the suite's programs count on it. */
#include <fcntl.h>
#include_next <aio.h>
