/* SPDX-License-Identifier: BSD-2-Clause */
/* A position-independent program with an interpreter. Exits with 0 if AT_BASE, AT_ENTRY and AT_PHDR fit together. */
#include <elf.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>

int
main(int argc, char **argv)
{
	const Elf64_Phdr *ph = (const Elf64_Phdr *)getauxval(AT_PHDR);
	uintptr_t base = getauxval(AT_BASE), bias = 0;

	if (base == 0 || memcmp((void *)base, ELFMAG, SELFMAG) != 0)
		return 1;
	for (unsigned long i = 0; i < getauxval(AT_PHNUM); i++)
		if (ph[i].p_type == PT_PHDR)
			bias = (uintptr_t)ph - ph[i].p_vaddr;
	if (bias == 0 || bias % 4096 != 0)
		return 2;
	if (getauxval(AT_ENTRY) <= bias || (uintptr_t)main <= bias)
		return 3;
	return 0;
}
