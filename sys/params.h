/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's command line: which words are the kernel's, and what becomes of the rest. As on Linux, an unknown bare word is an
 * argument of init, an unknown x=y a variable of its environment, an unknown a.b=c is ignored, and all behind "--" goes to init.
 * Words of other folders (root=, console=, ip= ...) are listed here too; their owners read them with cmdline_get().
 */
#ifndef SYS_PARAMS_H
#define SYS_PARAMS_H

#include "sys/lib/types.h"

#define INIT_ARGS_MAX	32	/* as on Linux; what is beyond is a panic there, here a warning */

struct params {
	u32 max_cpus;		/* maxcpus=, nosmp */
	const char *init;	/* init=, or NULL */
	const char *rdinit;	/* rdinit=, else "/init" */
	bool selftest;		/* selftest: the debug build's tests in the kernel */
	char *argv[INIT_ARGS_MAX + 2];	/* [0] is put in by who runs init; NULL-terminated */
	char *envp[INIT_ARGS_MAX + 3];	/* HOME, TERM, then the unknown x=y */
};

extern struct params params;	/* [I] after params_parse() */

/* Parse the line, once at boot; it stays the caller's and must stay. */
void params_parse(const char *cmdline);

#endif
