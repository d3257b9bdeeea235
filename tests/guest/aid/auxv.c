/* SPDX-License-Identifier: BSD-2-Clause */
/* Checks its own auxiliary vector and stack; exits with the number of the first thing that is wrong, or 0. argv[1]: its AT_EXECFN. */
#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

extern char **environ;

int
main(int argc, char **argv)
{
	const char *name = (const char *)getauxval(AT_EXECFN);
	const Elf64_Phdr *ph = (const Elf64_Phdr *)getauxval(AT_PHDR);
	const Elf64_Ehdr *vdso = (const Elf64_Ehdr *)getauxval(AT_SYSINFO_EHDR);
	const char *end;
	uint64_t zero = 0;

	if (getauxval(AT_PAGESZ) != 4096 || getauxval(AT_CLKTCK) != 100)
		return 1;
	if (getauxval(AT_PHENT) != sizeof(*ph) || getauxval(AT_PHNUM) == 0 || ph == NULL)
		return 2;
	if (argc > 1 && strcmp(name, argv[1]) != 0)
		return 3;
	if (getauxval(AT_UID) != getuid() || getauxval(AT_EUID) != geteuid() || getauxval(AT_GID) != getgid() ||
	    getauxval(AT_EGID) != getegid())
		return 4;
	if (getauxval(AT_RANDOM) == 0 || memcmp((void *)getauxval(AT_RANDOM), &zero, 8) == 0)
		return 5;
	if (strcmp((char *)getauxval(AT_PLATFORM), "x86_64") != 0)
		return 6;
	if (vdso == NULL || memcmp(vdso->e_ident, ELFMAG, SELFMAG) != 0 || vdso->e_type != ET_DYN)
		return 7;
	if (getauxval(AT_ENTRY) == 0 || getauxval(AT_FLAGS) != 0 || getauxval(AT_SECURE) != 0)
		return 8;
	if (getauxval(AT_MINSIGSTKSZ) < 1000 || getauxval(AT_HWCAP) == 0)
		return 9;
	/* the name is the last string of the stack; a zero word ends it all */
	end = name + strlen(name) + 1;
	if (memcmp(end, &zero, 8) != 0)
		return 10;
	if (((uintptr_t)argv - 8) % 16 != 0)
		return 11;
	if (argv[argc] != NULL || environ != argv + argc + 1)
		return 12;
	return 0;
}
