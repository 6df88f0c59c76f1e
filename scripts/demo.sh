#!/usr/bin/env bash
# `npm run demo`: sets up what a build needs, builds, and runs the demo, with `--fleet` one that needs a Redis. It must not know what the demo shows.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scope=build
case " $* " in *' --fleet '*) scope=fleet ;; esac
bash scripts/setup.sh "$scope"
node scripts/build.mjs
if [ "$scope" = fleet ]; then
  source scripts/toolchain.sh
  REDIS_SERVER=$(find_redis)
  export REDIS_SERVER
fi
exec node examples/demo/main.js "$@"
