# shellcheck shell=bash
# Installs Debian packages by name, as root or through sudo. To be sourced. It must not know what they are for.

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    printf 'error: this needs root, and there is no sudo. Run as root: %s\n' "$*" >&2
    exit 1
  fi
}

apt_install() {
  if ! command -v apt-get >/dev/null; then
    printf 'error: missing %s, and there is no apt-get to install it. On Debian and Ubuntu: apt-get install %s\n' "$*" "$*" >&2
    exit 1
  fi
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null ||
    { printf 'error: could not install %s. Try: apt-get install %s\n' "$*" "$*" >&2 && exit 1; }
}
