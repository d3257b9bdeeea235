/* SPDX-License-Identifier: BSD-2-Clause */
/* The system's part of <limits.h>, which GCC's own asks for: nothing here. For third-party sources in the kernel. */
