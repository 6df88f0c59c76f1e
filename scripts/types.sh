#!/usr/bin/env bash
# `npm run types`: the published declarations in users' settings, each pair of them as in `npm test`. It must not know what is compiled.
#   --all   every combination of settings instead, some 400
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
case "${1:-}" in '') ;; --all) export HALFOPEN_TYPES=all ;; *) echo 'usage: types.sh [--all]' >&2 && exit 2 ;; esac
bash scripts/setup.sh all >/dev/null
node scripts/build.mjs
node --test --test-reporter=spec tests/types/matrix/*.test.js
