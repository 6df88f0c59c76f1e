#!/usr/bin/env bash
# Installs what the project needs and the machine lacks. Run again, it only looks: seconds, and one line a step.
#   setup.sh build   what `npm run build` and `npm run demo` need: the Wasm target, wasm-bindgen, npm dependencies
#   setup.sh fleet   and what its fleet needs: a client of Redis, a Redis
#   setup.sh all     and what the tests need: rustfmt, clippy, wasm-pack, the Node versions, the test runners, the bundlers, the versions of TypeScript, Bun, Deno, Chromium, Firefox and WebKit and their drivers, Prometheus, Redis
# Cargo's tools go into a cache outside the clone (toolchain.sh says where). It must not know how anything is built or tested.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
scope=${1:-all}
case $scope in build | fleet | all) ;; *) echo "usage: setup.sh [build|fleet|all]" >&2 && exit 2 ;; esac

command -v rustc >/dev/null && command -v cargo >/dev/null || [ -x /usr/bin/apt-get ] ||
  { echo 'error: missing Rust (rustc, cargo). Install rustup, or on Debian: apt-get install rustc-web cargo-web' >&2 && exit 1; }
command -v cc >/dev/null || { echo 'error: missing a C compiler (cc). On Debian and Ubuntu: apt-get install build-essential' >&2 && exit 1; }
node -e 'process.exit(parseInt(process.versions.node, 10) < 20 ? 1 : 0)' 2>/dev/null ||
  { echo "error: needs Node 20 or later, found $(node --version 2>/dev/null || echo none)" >&2 && exit 1; }

source "$here/toolchain.sh"
source "$here/apt.sh"
cd "$HALFOPEN_ROOT"
mkdir -p "$HALFOPEN_CACHE"
# Two set-ups at once (two clones, one cache) take turns.
exec 9>"$HALFOPEN_CACHE/lock"
flock 9

wasm_target() {
  if ! has_wasm_target && command -v rustup >/dev/null; then
    say "setup: adding the $WASM_TARGET target by rustup"
    RUST_BACKTRACE=0 rustup target add "$WASM_TARGET" || say "setup: rustup could not fetch the target; building it from Debian's sources instead"
    choose_toolchain
  fi
  if ! has_wasm_target; then
    say "setup: building the $WASM_TARGET standard library from Debian's sources (about a minute)"
    bash "$here/wasm-target.sh"
    choose_toolchain
  fi
  has_wasm_target || die "no toolchain has the $WASM_TARGET standard library. Try: rustup target add $WASM_TARGET"
  say "setup: $WASM_TARGET in $(rustc --version | cut -d' ' -f1,2)${RUSTUP_TOOLCHAIN:+ (toolchain $RUSTUP_TOOLCHAIN)}"
}

# The version that a command tells. All of it is read first: a tool whose reader leaves early may fail for that.
version_of() {
  local told
  told=$("$1" --version 2>/dev/null) || true
  [[ $told =~ [0-9]+\.[0-9]+\.[0-9]+ ]] && echo "${BASH_REMATCH[0]}" || true
}

# cargo_tool <command> <crate> <version> <directory> [cargo install flags]
cargo_tool() {
  local command=$1 crate=$2 version=$3 root=$HALFOPEN_CACHE/$4
  shift 4
  if [ "$(version_of "$command")" != "$version" ]; then
    say "setup: installing $crate $version into the tool cache (about two minutes)"
    # Without the flags meant for the Wasm build, and outside the clone, so that no manifest or config of it takes part.
    (cd / && cargo install --quiet "$crate" --version "$version" --root "$root" --force "$@") ||
      die "could not install $crate. Try: cargo install $crate --version $version --root $root $*"
    hash -r
    [ "$(version_of "$command")" = "$version" ] || die "$command is not version $version after installing $crate into $root"
  fi
  say "setup: $command $version"
}

# npm_tree <folder>: `npm ci` where node_modules is missing or was made from another lock file. No package runs a script of its own, whatever folder's
# settings npm reads.
npm_tree() {
  local stamp=$1/node_modules/.halfopen-lock
  if ! cmp -s "$1/package-lock.json" "$stamp"; then
    say "setup: npm ci in $1"
    npm ci --prefix "$1" --ignore-scripts --loglevel=error >/dev/null || die "npm ci failed in $1. Try: npm ci --prefix $1"
    cp "$1/package-lock.json" "$stamp"
  fi
  say "setup: npm packages of $1 as locked"
}

# rust_component <cargo subcommand> <rustup component> <Debian package>
rust_component() {
  if ! cargo "$1" --version >/dev/null 2>&1; then
    say "setup: installing $2"
    if command -v rustup >/dev/null && [ "${RUSTUP_TOOLCHAIN:-}" != debian ] && [ "$(command -v cargo)" != /usr/bin/cargo ]; then
      rustup component add "$2" || die "could not install $2. Try: rustup component add $2"
    else
      apt_install "$3"
    fi
    cargo "$1" --version >/dev/null || die "cargo $1 does not run after installing $2"
  fi
  say "setup: $(cargo "$1" --version | cut -d' ' -f1,2)"
}

chromium_and_driver() {
  local browser driver
  browser=$(find_browser) && driver=$(command -v chromedriver) || {
    say 'setup: installing chromium and its driver by apt'
    apt_install chromium chromium-driver
    browser=$(find_browser) || die 'no chromium on PATH after installing it. Try: apt-get install chromium'
    driver=$(command -v chromedriver) || die 'no chromedriver on PATH after installing it. Try: apt-get install chromium-driver'
  }
  say "setup: $browser, $driver"
}

# Its driver, geckodriver, is not in every Debian: a tool of cargo.
firefox_browser() {
  local browser
  browser=$(find_firefox) || {
    say 'setup: installing firefox-esr by apt'
    apt_install firefox-esr
    browser=$(find_firefox) || die 'no firefox on PATH after installing it. Try: apt-get install firefox-esr'
  }
  say "setup: $browser"
}

# WebKit has no headless mode here: it comes with a display of its own.
webkit_and_driver() {
  local browser driver display missing=()
  find_minibrowser >/dev/null && command -v WebKitWebDriver >/dev/null || missing+=(webkit2gtk-driver)
  command -v Xvfb >/dev/null || missing+=(xvfb)
  if [ "${#missing[@]}" -gt 0 ]; then
    say "setup: installing ${missing[*]} by apt"
    apt_install "${missing[@]}"
  fi
  browser=$(find_minibrowser) || die 'no MiniBrowser of WebKitGTK after installing it. Try: apt-get install webkit2gtk-driver'
  driver=$(command -v WebKitWebDriver) || die 'no WebKitWebDriver on PATH after installing it. Try: apt-get install webkit2gtk-driver'
  display=$(command -v Xvfb) || die 'no Xvfb on PATH after installing it. Try: apt-get install xvfb'
  say "setup: $browser, $driver, $display"
}

# Prometheus and promtool, of which only the programs are kept: the package would start a service. The version is the first that knows ranges which end
# where a query does (`@ end()`).
PROMETHEUS_LEAST=2.33.0
has_prometheus() {
  local command found
  for command in prometheus promtool; do
    found=$(version_of "$command")
    [ -n "$found" ] && [ "$(printf '%s\n' "$PROMETHEUS_LEAST" "$found" | sort -V | head -n 1)" = "$PROMETHEUS_LEAST" ] || return 1
  done
}
prometheus_and_promtool() {
  if ! has_prometheus; then
    say 'setup: fetching prometheus by apt'
    apt_unpack prometheus usr/bin "$HALFOPEN_CACHE/prometheus"
    hash -r
    has_prometheus || die "no prometheus and promtool of version $PROMETHEUS_LEAST or later, not even in Debian's package. Try: put those of a release on PATH"
  fi
  say "setup: prometheus $(version_of prometheus), promtool $(version_of promtool)"
}

# A server for the tests, which start it themselves: unpacked, not installed, so that no service runs. What it was unpacked from is not on the
# linker's path.
redis_server() {
  local server folder=$HALFOPEN_CACHE/redis libraries
  server=$(find_redis) || {
    say 'setup: unpacking redis-server by apt'
    apt_unpack_all "$folder" redis-server
    libraries=$(find "$folder" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
    printf '#!/bin/sh\nLD_LIBRARY_PATH="%s" exec "%s/usr/bin/redis-server" "$@"\n' "$libraries" "$folder" >"$folder/redis-server"
    chmod +x "$folder/redis-server"
    server=$(find_redis) || die 'no redis-server after unpacking it. Try: apt-get install redis-server'
  }
  "$server" --version >/dev/null || die "$server does not run"
  say "setup: $server"
}

wasm_target
least=$(sed -nE 's/^rust-version *= *"([0-9.]+)".*/\1/p' Cargo.toml)
found=$(rustc --version | cut -d' ' -f2)
[ "$(printf '%s\n' "$least" "$found" | sort -V | head -n 1)" = "$least" ] || die "needs Rust $least or later, found $found. Try: rustup update"
cargo fetch --quiet --locked || die 'could not fetch the crates as locked. Try: cargo fetch --locked'
say 'setup: crates as locked'
# Not --locked: that lock file names a dependency that can't be had any more.
cargo_tool wasm-bindgen wasm-bindgen-cli "$WASM_BINDGEN_VERSION" "wasm-bindgen-$WASM_BINDGEN_VERSION"
npm_tree .
if [ "$scope" = all ]; then
  rust_component fmt rustfmt rustfmt-web
  rust_component clippy clippy rust-web-clippy
  cargo_tool wasm-pack wasm-pack "$WASM_PACK_VERSION" "wasm-pack-$WASM_PACK_VERSION" --locked
  npm_tree tests/package
  npm_tree tests/runners
  npm_tree tests/bundlers
  npm_tree tests/sdks
  npm_tree tests/types/matrix
  npm_tree tests/matrix
  npm_tree tests/dashboard
  npm_tree tests/telemetry
  npm_tree tests/telemetry/newest
  chromium_and_driver
  firefox_browser
  cargo_tool geckodriver geckodriver "$GECKODRIVER_VERSION" "geckodriver-$GECKODRIVER_VERSION" --locked
  webkit_and_driver
  npm_tree tests/prometheus
  prometheus_and_promtool
fi
if [ "$scope" != build ]; then
  npm_tree tests/fleet
  redis_server
fi
