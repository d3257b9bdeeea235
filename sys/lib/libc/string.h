/* SPDX-License-Identifier: BSD-2-Clause */
/* <string.h> for third-party sources that are compiled into the kernel (usr/thirdparty.mk); ours include sys/lib/string.h. */
#include "sys/lib/string.h"
