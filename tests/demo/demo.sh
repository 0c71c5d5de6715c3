#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A day of referrals through the real system. ONCE=1, or no terminal: ends by itself.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/stack/lib.sh
. "$here/../stack/lib.sh"
(($# == 0)) || only_help tests/demo/demo.sh "$*"
exec "$DEPS/venv/bin/python" "$here/demo.py"
