#!/usr/bin/env bash
# Gives Debian's rustc the wasm32-unknown-unknown standard library, built from Debian's own sources: for machines where
# `rustup target add` can't fetch it. Needs root or sudo, takes about a minute, changes nothing when run again. Called by
# setup.sh; it must not know what the project builds with it.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/apt.sh"

target=wasm32-unknown-unknown
rustc=/usr/bin/rustc
sources=/usr/lib/rustlib/src/rust/library

if [ ! -x "$rustc" ] || [ ! -x /usr/bin/cargo ] || [ ! -d "$sources" ]; then
  apt_install rustc-web cargo-web rust-web-src rust-web-llvm
fi
# rust-lld is a link to the lld of the LLVM that this rustc was built with; the package of that name brings it.
linker=$(readlink /usr/bin/rust-lld || true)
if [ -n "$linker" ] && [ ! -x "$(readlink -f /usr/bin/rust-lld)" ]; then apt_install "$(basename "$linker")"; fi

lib=$("$rustc" --print sysroot)/lib/rustlib/$target/lib
if ! compgen -G "$lib/libstd-*.rlib" >/dev/null; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir "$work/src"
  : >"$work/src/lib.rs"
  cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "sysroot"
version = "0.0.0"
edition = "2021"
[profile.release]
panic = "abort"
TOML
  # -Zbuild-std is unstable, and RUSTC_BOOTSTRAP admits it in a stable compiler: for this one build, not for the project.
  # Its environment is emptied so that no other toolchain's cargo or flags take part, and the folders of this machine are
  # mapped to neutral names, since what is built here ends up in the Wasm that others load.
  cargo_home=${CARGO_HOME:-$HOME/.cargo}
  (cd "$work" && env -i HOME="$HOME" PATH=/usr/bin:/bin CARGO_HOME="$cargo_home" RUSTC_BOOTSTRAP=1 \
    RUSTFLAGS="--remap-path-prefix=$cargo_home/registry/src=deps --remap-path-prefix=/usr/lib/rustlib/src/rust=rust" \
    /usr/bin/cargo build --quiet --release --target "$target" -Zbuild-std=std,panic_abort,test)
  rm -f "$work/target/$target/release/deps"/libsysroot-*.rlib
  as_root mkdir -p "$lib"
  as_root cp "$work/target/$target/release/deps"/*.rlib "$lib/"
fi

if command -v rustup >/dev/null; then rustup toolchain link debian /usr; fi
