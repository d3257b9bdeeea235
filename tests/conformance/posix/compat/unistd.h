/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * musl's <unistd.h>, as an implementation of POSIX.1-2001 has it. The suite is of that edition: 104 of its programs ask at compile time whether
 * _POSIX_ASYNCHRONOUS_IO is 200112L exactly, and test nothing where it is 200809L.
 */
#include_next <unistd.h>

#undef _POSIX_ASYNCHRONOUS_IO
#define _POSIX_ASYNCHRONOUS_IO	200112L
