#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make lint: every check over every file of the repository, also those not committed yet. Each
# finding is a line file:line with what was expected; all checks run, whatever one has found.
set -uo pipefail
# shellcheck source=tests/stack/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../stack/lib.sh"
(($# == 0)) || only_help tests/lint/lint.sh "$*"
# shellcheck source=tests/lint/files.sh
. "$(dirname "${BASH_SOURCE[0]}")/files.sh"

failed=()
# check NAME COMMAND...
check()
{
    local name=$1 started
    shift
    started=$(date +%s%3N)
    if "$@"; then
        echo "lint: $name: well ($(($(date +%s%3N) - started)) ms)"
    else
        echo "lint: $name: FINDINGS"
        failed+=("$name")
    fi
}

mapfile -t c_files < <(files '\.[ch]$')
mapfile -t c_sources < <(files '^(common|services)/.*\.c$')
mapfile -t shell_files < <(shell_scripts)
mapfile -t python_files < <(files '\.py$')
venv=.deps/venv/bin

# The first place of each file is enough: the repair is a command.
format()
{
    "$venv/clang-format" --dry-run -Werror --style=file "$@" 2>&1 |
        sed -n 's/^\([^ :]*:[0-9]*\):[0-9]*: error: .*/\1: expected the shape of .clang-format/p' |
        sort -t: -k1,1 -u
    return "${PIPESTATUS[0]}"
}

static_checks()
{
    local build=.deps/lint/cppcheck
    mkdir -p "$build"
    cppcheck --quiet --std=c11 --library=posix -j "$(nproc)" --cppcheck-build-dir="$build" \
        --enable=warning,portability,performance --inline-suppr --error-exitcode=1 \
        --suppressions-list=tests/lint/cppcheck.suppressions --suppress=missingIncludeSystem \
        --template='{file}:{line}: {severity}: {message} [{id}]' -I common "$@"
}

check "rules of the tree" tests/lint/tree.sh
if ((${#c_files[@]})); then check "clang-format (make format repairs it)" format "${c_files[@]}"; fi
if ((${#c_sources[@]})); then check cppcheck static_checks "${c_sources[@]}"; fi
if ((${#shell_files[@]})); then check shellcheck shellcheck -x "${shell_files[@]}"; fi
if ((${#python_files[@]})); then check pyflakes "$venv/pyflakes" "${python_files[@]}"; fi
check "schema versions" "$venv/python" tests/lint/versions.py

if ((${#failed[@]})); then
    echo "lint: findings in: ${failed[*]}"
    exit 1
fi
