# shellcheck shell=bash
# Decides which Rust toolchain and which tools this project builds with. To be sourced by every other script, so that
# the build, the tests and the set-up can never disagree. It installs nothing and must not know what is built.
#
# Order of choice: the toolchain the caller selected or the default one, if it has the wasm32 standard library; else the
# rustup toolchain `debian` (linked by scripts/wasm-target.sh); else the Rust in /usr/bin. If none has it, nothing
# changes, and `has_wasm_target` tells so.

HALFOPEN_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
HALFOPEN_CACHE=${HALFOPEN_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/halfopen}
WASM_TARGET=wasm32-unknown-unknown
# One place of truth: the CLI must equal the crate's version exactly, so it is read from the manifest.
WASM_BINDGEN_VERSION=$(sed -nE 's/^wasm-bindgen *=.*"=([0-9.]+)".*/\1/p' "$HALFOPEN_ROOT/Cargo.toml")
# shellcheck disable=SC2034 # read by setup.sh
WASM_PACK_VERSION=0.15.1
# shellcheck disable=SC2034 # read by setup.sh
GECKODRIVER_VERSION=0.37.0

say() { printf '%s\n' "$*"; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# has_wasm_target [rustc]: whether this rustc has the standard library of the Wasm target.
has_wasm_target() {
  local sysroot
  sysroot=$("${1:-rustc}" --print sysroot 2>/dev/null) || return 1
  compgen -G "$sysroot/lib/rustlib/$WASM_TARGET/lib/libstd-*.rlib" >/dev/null
}

choose_toolchain() {
  if has_wasm_target; then return; fi
  if command -v rustup >/dev/null && RUSTUP_TOOLCHAIN=debian has_wasm_target; then
    export RUSTUP_TOOLCHAIN=debian
  elif has_wasm_target /usr/bin/rustc; then
    unset RUSTUP_TOOLCHAIN
    export PATH=/usr/bin:$PATH
  fi
}

# For scripts that build: ends with a clear message where set-up has not been run.
require_wasm_target() {
  has_wasm_target || die "no Rust toolchain here has the $WASM_TARGET standard library: run \`npm run setup\`"
}

# The four below look for files only (`type -P`): a shell function of the same name is no browser.
# find_browser: prints the path of a Chromium, or fails. CHROMIUM names another one.
find_browser() {
  local name
  for name in ${CHROMIUM:+"$CHROMIUM"} chromium chromium-browser google-chrome; do
    type -P "$name" && return
  done
  return 1
}

# find_firefox: prints the path of a Firefox, or fails. FIREFOX names another one.
find_firefox() {
  local name
  for name in ${FIREFOX:+"$FIREFOX"} firefox-esr firefox; do
    type -P "$name" && return
  done
  return 1
}

# find_minibrowser: prints the path of WebKitGTK's MiniBrowser, which is not on PATH, or fails. MINIBROWSER names another one.
find_minibrowser() {
  local name
  for name in ${MINIBROWSER:+"$MINIBROWSER"} /usr/lib/*/webkit2gtk-4.*/MiniBrowser /usr/libexec/webkit2gtk-4.*/MiniBrowser; do
    type -P "$name" && return
  done
  return 1
}

# find_redis: prints the path of a redis-server, or fails: the one on PATH, or what set-up unpacked. REDIS_SERVER names another one.
find_redis() {
  local name
  for name in ${REDIS_SERVER:+"$REDIS_SERVER"} redis-server "$HALFOPEN_CACHE/redis/redis-server"; do
    type -P "$name" && return
  done
  return 1
}

[ -n "$WASM_BINDGEN_VERSION" ] || die 'Cargo.toml does not pin wasm-bindgen to one exact version (wasm-bindgen = "=x.y.z")'

# npm's tools (wasm-opt, tsc …) and the cached ones go first; a cached one exists only where PATH had no fitting one.
PATH=$HALFOPEN_CACHE/wasm-bindgen-$WASM_BINDGEN_VERSION/bin:$HALFOPEN_CACHE/wasm-pack-$WASM_PACK_VERSION/bin:$HALFOPEN_CACHE/geckodriver-$GECKODRIVER_VERSION/bin:$HALFOPEN_CACHE/prometheus/usr/bin:$PATH
PATH=$HALFOPEN_ROOT/node_modules/.bin:$PATH
export PATH

# Of the crates it is built from, the Wasm is made with their files' names: without the builder's own folders, and so the same everywhere. The
# project's own are relative. No flag may name the project's folder, whose name may have spaces, which part flags here.
# Much inlining makes the Wasm 1 KB larger and nothing faster: what the hot path needs is marked in the source.
wasm_flags='-C llvm-args=-inline-threshold=25'
for sources in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/; do wasm_flags+=" --remap-path-prefix=${sources%/}=crates"; done
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS=$wasm_flags
unset wasm_flags sources

choose_toolchain
