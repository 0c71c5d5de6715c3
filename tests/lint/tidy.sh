#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make tidy: clang-tidy over every C source, with the checks of .clang-tidy. It takes minutes, so
# it is not part of lint.
set -euo pipefail
# shellcheck source=tests/lint/files.sh
. "$(dirname "${BASH_SOURCE[0]}")/files.sh"

if ! command -v clang-tidy >/dev/null; then
    echo "tidy: needs clang-tidy (Debian's package of that name)" >&2
    exit 69
fi
mapfile -t sources < <(files '^(common|services)/.*\.c$')
printf '%s\0' "${sources[@]}" | xargs -0 -n 1 -P "$(nproc)" clang-tidy --quiet -p build/dev
