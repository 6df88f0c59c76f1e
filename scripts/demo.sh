#!/usr/bin/env bash
# `npm run demo`: sets up what a build needs, builds, and runs the demo. It must not know what the demo shows.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/setup.sh build
node scripts/build.mjs
exec node examples/demo/main.js "$@"
