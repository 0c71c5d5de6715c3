#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A day of referrals through the real system. ONCE=1, or no terminal: ends by itself.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
exec "$here/../../.deps/venv/bin/python" "$here/demo.py" "$@"
