#!/usr/bin/env bash
# `npm test`: sets up, builds, and runs the everyday layers of tests, or those that are named: `npm test -- rust js`. `npm test -- long` runs the rest:
# the tests once more with other entries, and the package in what others make.
# A layer that fails or that ran no test fails the whole. Two lanes run side by side, one with cargo (whose runs would wait for
# each other anyway; the shorter one, so it has two layers of Node as well) and one of Node, and what measures runs alone after them; the lines are printed in the order of the layers. It must
# not know what a test checks.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/.."

cargo_lane=(rust wasm-node wasm-browser wasm-firefox readme fleet)
# The browsers come last, when the other lane is through: beside it, a page in WebKit once gave no answer in 20 s.
node_lane=(types js http web package telemetry prometheus dashboard browsers)
alone=(demo load)
everyday=("${cargo_lane[@]}" "${node_lane[@]}" "${alone[@]}")
long=(entries bundlers sdks runners matrix faults)
layers=("${everyday[@]}" "${long[@]}")
cargo_lane+=(entries bundlers)
node_lane+=(sdks runners matrix faults)
case $* in
  '') wanted=("${everyday[@]}") ;;
  long) wanted=("${long[@]}") ;;
  *) wanted=("$@") ;;
esac
is_in() { local one=$1 && shift && [[ " $* " == *" $one "* ]]; }
for layer in "${wanted[@]}"; do
  is_in "$layer" "${layers[@]}" || { echo "error: no layer \`$layer\`. There are: ${layers[*]}, and long for the last ${#long[@]}" >&2 && exit 2; }
done

bash scripts/setup.sh all
node scripts/build.mjs
source scripts/toolchain.sh
export CARGO_TERM_COLOR=never NO_COLOR=1
unset FORCE_COLOR

rust() {
  bash scripts/lint.sh rust
  cargo test --locked
  # Packaged as it would be published, and built from that; with what is not committed yet, while somebody works on it.
  local flags=()
  [ -z "$(git status --porcelain)" ] || flags=(--allow-dirty)
  cargo package --quiet --locked "${flags[@]}"
}
wasm-node() { wasm-pack test --mode no-install --node; }
wasm-browser() {
  # The committed settings name Debian's Chromium; the one that is used may be another.
  node -e 'const [from, binary] = process.argv.slice(1), settings = JSON.parse(fs.readFileSync(from))
    settings["goog:chromeOptions"].binary = binary
    console.log(JSON.stringify(settings))' tests/webdriver.json "$(find_browser)" >"$logs/webdriver.json"
  WASM_BINDGEN_TEST_WEBDRIVER_JSON=$logs/webdriver.json \
    wasm-pack test --mode no-install --headless --chrome --chromedriver "$(command -v chromedriver)"
}
# Firefox is found by geckodriver only under its own name: the settings name Debian's.
wasm-firefox() {
  node -e 'const [binary] = process.argv.slice(1)
    console.log(JSON.stringify({ "moz:firefoxOptions": { binary, args: ["-headless"] } }))' "$(find_firefox)" >"$logs/webdriver-firefox.json"
  WASM_BINDGEN_TEST_WEBDRIVER_JSON=$logs/webdriver-firefox.json \
    wasm-pack test --mode no-install --headless --firefox --geckodriver "$(command -v geckodriver)"
}
types() {
  bash scripts/lint.sh types
  node_tests tests/types
}
js() { node_tests tests/js; }
# The tests of js/ once more, with the entries whose core has another boundary. Left out is what is about the default entry's own file.
entries() {
  local files=() few=(tests/js/{traces,traces-wasm,probe,snapshot,classify,metrics,half-open}.test.js)
  mapfile -t files < <(find tests/js -name '*.test.js' | grep -vE '/(broken-core|busy|differential|engine|inlining|memory|no-wasm|slim|trap)\.test' | sort)
  HALFOPEN_ENTRY=no-wasm NODE_OPTIONS="--import=./tests/entries/hooks.js" node --test --test-reporter=spec "${files[@]}"
  HALFOPEN_ENTRY=slim NODE_OPTIONS="--import=./tests/entries/hooks.js" node --test --test-reporter=spec "${few[@]}"
}
# Faults take their time rather than the machine's: several files at once, and apart from the rest of the fleet's.
fleet() {
  local files=()
  mapfile -t files < <(find tests/fleet -name node_modules -prune -o -name '*.test.js' ! -name 'faults*' -print | sort)
  node --test --test-reporter=spec "${files[@]}"
}
faults() { node --test --test-reporter=spec --test-concurrency=3 tests/fleet/faults*.test.js; }
http() { node_tests tests/http; }
# Many of the clients need Node 22.
sdks() { PATH=$HALFOPEN_ROOT/tests/package/node_modules/node24/bin:$PATH node_tests tests/sdks; }
# Some of the tools that start runtimes need Node 22.
matrix() { PATH=$HALFOPEN_ROOT/tests/package/node_modules/node24/bin:$PATH node_tests tests/matrix; }
web() { node_tests tests/web; }
# The newest SDK of OpenTelemetry needs Node 22.15.
telemetry() { PATH=$HALFOPEN_ROOT/tests/package/node_modules/node24/bin:$PATH node_tests tests/telemetry; }
package() { node_tests tests/package; }
prometheus() { node_tests tests/prometheus; }
runners() { node_tests tests/runners; }
# Many of the tools need Node 22.
bundlers() { PATH=$HALFOPEN_ROOT/tests/package/node_modules/node24/bin:$PATH node_tests tests/bundlers; }
dashboard() { node_tests tests/dashboard --test-timeout=120000; }
# One file after another, since each has all three browsers.
browsers() { node_tests tests/browsers --test-concurrency=1; }
readme() { node_tests tests/readme; }
# One demo at a time: each looks for processes that another left.
demo() { node --test --test-reporter=spec --test-concurrency=1 tests/demo/*.test.js; }
load() { node_tests tests/load; }
node_tests() {
  local files=()
  mapfile -t files < <(find "$1" -name node_modules -prune -o -name '*.test.js' -print | sort)
  [ "${#files[@]}" -gt 0 ] || die "no *.test.js in $1"
  node --test --test-reporter=spec "${@:2}" "${files[@]}"
}

logs=$HALFOPEN_ROOT/target/test
rm -rf "$logs"
mkdir -p "$logs"

# Adds up the tests of a log, as the runners of Rust, Wasm and Node report them: prints "passed failed skipped".
count() {
  awk '/^ *test result: / { for (i = 2; i <= NF; i++) { n[$i] += $(i - 1) } }
    /^ℹ pass / { n["passed;"] += $3 }
    /^ℹ (fail|cancelled) / { n["failed;"] += $3 }
    /^ℹ (skipped|todo) / { n["ignored;"] += $3 }
    /^[0-9]+ files checked$/ { n["passed;"] += $1 }
    END { print n["passed;"] + 0, n["failed;"] + 0, n["ignored;"] + 0 }' "$1"
}

# The lines of a log that say how it ended.
closing_lines() {
  grep -E '^ *(Running|Doc-tests) |^ *test result: .*[1-9][0-9]* (passed|failed)|^ℹ (tests|fail|duration_ms) |files checked$|^[A-Z][A-Za-z]+: (.* checks ran|[A-Za-z]+ [0-9.]+)$|^(lint|faults|load|runners|tried|matrix): |^not replayed: |^\| .* \|$|^ *(ℹ )?(traces replayed|[0-9]+ sequences)' "$1" || true
}

lane() {
  local layer status started
  for layer in "$@"; do
    is_in "$layer" "${wanted[@]}" || continue
    started=$SECONDS
    set +e
    (set -euo pipefail && "$layer") >"$logs/$layer.log" 2>&1 </dev/null
    status=$?
    set -e
    echo "$status $((SECONDS - started)) $(count "$logs/$layer.log")" >"$logs/$layer.part"
    mv "$logs/$layer.part" "$logs/$layer.end"
  done
}

lane "${cargo_lane[@]}" &
cargo_pid=$!
lane "${node_lane[@]}" &
node_pid=$!
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT

table=$(printf '%-14s %8s %8s %8s %8s' layer passed failed skipped seconds)
all_passed=0 all_failed=0
for layer in "${layers[@]}"; do
  is_in "$layer" "${wanted[@]}" || continue
  is_in "$layer" "${cargo_lane[@]}" && pid=$cargo_pid || pid=$node_pid
  if is_in "$layer" "${alone[@]}"; then
    wait "$cargo_pid" "$node_pid" || true
    lane "$layer"
  fi
  while [ ! -e "$logs/$layer.end" ] && kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
  [ -e "$logs/$layer.end" ] || echo '1 0 0 0 0' >"$logs/$layer.end"
  read -r status seconds passed failed skipped <"$logs/$layer.end"

  printf '\n== %s\n' "$layer"
  if [ "$status" = 0 ] && [ "$failed" = 0 ]; then closing_lines "$logs/$layer.log"; else cat "$logs/$layer.log"; fi
  if [ "$status" != 0 ] && [ "$failed" = 0 ]; then failed=1; fi
  if [ "$passed" = 0 ] && [ "$failed" = 0 ]; then
    say "error: the layer \`$layer\` ran no test"
    failed=1
  fi
  say "$layer: $passed passed, $failed failed"
  table+=$(printf '\n%-14s %8d %8d %8d %8d' "$layer" "$passed" "$failed" "$skipped" "$seconds")
  all_passed=$((all_passed + passed)) all_failed=$((all_failed + failed))
done

printf '\n%s\n\n%d passed, %d failed\n' "$table" "$all_passed" "$all_failed"
[ "$all_failed" = 0 ]
