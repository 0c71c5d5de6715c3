# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Which files the repository has, for the checks: what git knows or would add; in an unpacked
# archive without git, everything that is not made by a build.

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

all_files()
{
    if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        git ls-files --cached --others --exclude-standard
    else
        find . -type f -not -path './build/*' -not -path './.deps/*' -not -path './.run/*' \
            -not -path '*/__pycache__/*' -printf '%P\n'
    fi | sort -u | while IFS= read -r file; do [[ -f $file ]] && printf '%s\n' "$file"; done
}

# files REGEX: those whose path matches
files() { all_files | grep -E "$1"; }

# By name, or by what their first line says.
shell_scripts()
{
    files '\.sh$'
    files '^(tests|docker|k8s|\.ci)/.*[^.]$' | grep -vE '\.[a-z0-9]+$' | while IFS= read -r file; do
        head -n 1 "$file" | grep -qE '^#!.*\b(ba)?sh\b' && printf '%s\n' "$file"
    done
}
