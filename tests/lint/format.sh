#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make format: puts every C file into the shape that lint asks for.
set -euo pipefail
# shellcheck source=tests/lint/files.sh
. "$(dirname "${BASH_SOURCE[0]}")/files.sh"

mapfile -t c_files < <(files '\.[ch]$')
((${#c_files[@]} == 0)) || .deps/venv/bin/clang-format -i --style=file "${c_files[@]}"
