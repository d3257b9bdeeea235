/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gives the kernel's functions that have C library names a prefix, so that they can be linked beside the C library.
 * Put in front of every kernel source (C and assembly); a test that calls them includes this after libc's headers
 * and before the kernel's.
 */
#define memcpy		k_memcpy
#define memmove		k_memmove
#define memset		k_memset
#define memcmp		k_memcmp
#define memchr		k_memchr
#define strlen		k_strlen
#define strnlen		k_strnlen
#define strcmp		k_strcmp
#define strncmp		k_strncmp
#define strcasecmp	k_strcasecmp
#define strncasecmp	k_strncasecmp
#define strchr		k_strchr
#define strrchr		k_strrchr
#define strstr		k_strstr
#define strspn		k_strspn
#define strcspn		k_strcspn
#define strsep		k_strsep
#define snprintf	k_snprintf
#define vsnprintf	k_vsnprintf
