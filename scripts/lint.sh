#!/usr/bin/env bash
# Formatting, lints and types, each an error: `npm run lint`. The test layers `rust` and `types` run the halves of it.
# It must not change a file.
#   lint.sh [rust|types]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/toolchain.sh"
cd "$HALFOPEN_ROOT"

if [ "${1:-rust}" = rust ]; then
  require_wasm_target
  cargo fmt --all --check
  cargo clippy --quiet --locked --all-targets --features workshop -- -D warnings
  cargo clippy --quiet --locked --all-targets --target "$WASM_TARGET" -- -D warnings
  cargo clippy --quiet --locked --lib --target "$WASM_TARGET" --no-default-features --features numbers -- -D warnings
  RUSTDOCFLAGS='-D warnings' cargo doc --quiet --locked --no-deps
  say 'lint: rustfmt, clippy (native, Wasm and its boundary of numbers) and rustdoc found nothing'
fi
if [ "${1:-types}" = types ]; then
  listed=$(tsc --project tsconfig.json --listFiles) || { grep -v '^/' <<<"$listed" >&2 && exit 1; }
  files=$(grep -cE "^$HALFOPEN_ROOT/js/.*\.js$" <<<"$listed") || die 'tsc found no file to check in js/'
  say "$files files checked"
fi
