# SPDX-License-Identifier: BSD-2-Clause
# What runs in ring 3, and what is fetched.

include usr/thirdparty.mk
