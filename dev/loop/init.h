/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DEV_LOOP_INIT_H
#define DEV_LOOP_INIT_H

void loop_init(void);		/* boot: /dev/loop-control and the first devices */

#endif
