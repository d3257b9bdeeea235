/* SPDX-License-Identifier: BSD-2-Clause */
/* xattr(7), setxattr(2): limits, flags, names of namespaces. */
#ifndef SYS_ABI_XATTR_H
#define SYS_ABI_XATTR_H

#define XATTR_CREATE		1
#define XATTR_REPLACE		2

#define XATTR_NAME_MAX		255
#define XATTR_SIZE_MAX		65536
#define XATTR_LIST_MAX		65536

#define XATTR_USER_PREFIX	"user."
#define XATTR_TRUSTED_PREFIX	"trusted."
#define XATTR_SECURITY_PREFIX	"security."
#define XATTR_SYSTEM_PREFIX	"system."
#define XATTR_NAME_CAPS		"security.capability"

#endif
