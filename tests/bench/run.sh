#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# make bench: every figure as a ratio against the bare library loop, measured in the same run.
# BIN_DIR is where the programs of the release preset stand; COUNT scales the work.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
exec "$here/../../.deps/venv/bin/python" "$here/run.py" "$@"
