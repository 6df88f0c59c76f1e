#!/usr/bin/env bash
# `npm run bench`: sets up what a build needs, builds, and runs the benchmarks. It must not know what they measure.
#   npm run bench -- --check    the short form of CI, which fails where a budget is broken
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# Standard output is the benchmark's alone, which may be JSON.
{
  bash scripts/setup.sh build
  node scripts/build.mjs
} >&2
exec node --expose-gc tests/bench/main.js "$@"
