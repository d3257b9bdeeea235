/* SPDX-License-Identifier: BSD-2-Clause */
/* A tree of odd files in a folder of the host, for tools to put into images: every size that matters, names of every kind. */
#ifndef TESTS_UNIT_DISK_SAMPLE_H
#define TESTS_UNIT_DISK_SAMPLE_H

enum { SAMPLE_LINKS = 1 /* hard and symbolic */, SAMPLE_LONG = 2 /* long names, UTF-8, blanks */, SAMPLE_MANY = 4 /* a directory of 700 */,
	SAMPLE_DEEP = 8 /* 12 levels */, SAMPLE_XATTRS = 16 };

void sample_make(const char *folder, unsigned what);	/* in host_folder() */

#endif
