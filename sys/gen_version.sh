#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Write the header with uname's release and version; the file is touched only when they change.
# Usage: sys/gen_version.sh FILE
set -eu
commit=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
[ -z "$(git status --porcelain --untracked-files=no 2>/dev/null)" ] || commit=$commit-dirty
date=$(TZ=UTC0 git log -1 --date=format-local:'%Y-%m-%d' --format=%cd 2>/dev/null || echo unknown)
new=$(cat <<END
/* Made by sys/gen_version.sh. */
#ifndef GEN_VERSION_H
#define GEN_VERSION_H

#define LINTEL_RELEASE "6.1.0-lintel"
#define LINTEL_COMMIT "$commit"
#define LINTEL_VERSION "#1 SMP PREEMPT Lintel $commit ($date)"

#endif
END
)
[ -f "$1" ] && [ "$new" = "$(cat "$1")" ] || printf '%s\n' "$new" >"$1"
