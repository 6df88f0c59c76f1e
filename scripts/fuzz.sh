#!/usr/bin/env bash
# `npm run fuzz`: the random tests with a new seed and more lives, where `npm test` always has the same. It prints the seed, by which a failure
# comes back: `HALFOPEN_SEED=… npm run fuzz`. It must not know what the tests check.
#   HALFOPEN_LIVES   how many times the lives of `npm test` (default 10)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/toolchain.sh

export HALFOPEN_SEED=${HALFOPEN_SEED:-$((RANDOM * 32768 + RANDOM))} HALFOPEN_LIVES=${HALFOPEN_LIVES:-10}
say "fuzz: HALFOPEN_SEED=$HALFOPEN_SEED, $HALFOPEN_LIVES times the lives of npm test"
bash scripts/setup.sh all >/dev/null
node scripts/build.mjs

# A part that fails does not keep the others from running: what each finds is of its own.
failed=()
part() {
  local name=$1
  shift
  say "fuzz: $name"
  "$@" || failed+=("$name")
}
part tests/core env PROPTEST_RNG_SEED="$HALFOPEN_SEED" PROPTEST_CASES=$((4000 * HALFOPEN_LIVES)) \
  cargo test --quiet --locked --test core -- invariant http::
mapfile -t files < <(grep -lE 'lives\(|HALFOPEN_SEED' tests/*/*.test.js tests/*/*/*.test.js)
[ "${#files[@]}" -gt 0 ] || die 'no random tests in tests/*/*.test.js'
for file in "${files[@]}"; do part "$file" node --test --test-reporter=dot "$file"; done

[ "${#failed[@]}" = 0 ] || die "HALFOPEN_SEED=$HALFOPEN_SEED found something in: ${failed[*]}"
say 'fuzz: found nothing'
