# shellcheck shell=bash
# Installs Debian packages by name, as root or through sudo, or only unpacks them. To be sourced. It must not know what they are for.

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

# apt_unpack <folder> <package>...: puts the files of packages, and of what they need and the machine lacks, below a folder. Nothing is installed, no user
# is made and no service started.
apt_unpack() {
  local folder=$1 deb
  shift
  if ! command -v apt-get >/dev/null; then
    printf 'error: missing %s, and there is no apt-get to fetch it\n' "$*" >&2
    exit 1
  fi
  rm -rf "$folder"
  mkdir -p "$folder/archives/partial"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends --download-only -o Dir::Cache::Archives="$folder/archives" \
    -o APT::Sandbox::User=root "$@" >/dev/null || { printf 'error: could not fetch %s. Try: apt-get install %s\n' "$*" "$*" >&2 && exit 1; }
  for deb in "$folder"/archives/*.deb; do dpkg-deb -x "$deb" "$folder"; done
  as_root rm -rf "$folder/archives"
}
