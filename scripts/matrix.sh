#!/usr/bin/env bash
# `npm run matrix`: the installed tarball in every runtime of tests/matrix, each pair of settings as in `npm test -- matrix`. It must not know what runs there.
#   --all     every combination of settings instead
#   --write   puts what ran into the table of docs/where-it-runs.md
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
for option in "$@"; do
  case $option in
    --all) export HALFOPEN_MATRIX=all ;;
    --write) export HALFOPEN_MATRIX_WRITE=yes ;;
    *) echo 'usage: matrix.sh [--all] [--write]' >&2 && exit 2 ;;
  esac
done
bash scripts/setup.sh all >/dev/null
node scripts/build.mjs
source scripts/toolchain.sh
PATH=$HALFOPEN_ROOT/tests/package/node_modules/node24/bin:$PATH node --test --test-reporter=spec tests/matrix/*.test.js
