# shellcheck shell=bash
# Installs Debian packages by name, as root or through sudo, or unpacks one without installing it. To be sourced. It must not know what they are for.

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

# apt_unpack <package> <folder in it> <root>: that folder of a Debian package, below a root. Nothing is installed, no script of the package runs
# and no service starts; what it depends on has to be there.
apt_unpack() {
  local package=$1 folder=$2 root=$3 work
  if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
    printf 'error: missing %s, and there is no apt-get to fetch it. Put its programs on PATH\n' "$package" >&2
    exit 1
  fi
  rm -rf "$root" "$root".part
  mkdir -p "$root".part
  work=$(cd "$root".part && pwd)
  # The caller's own file: what apt says of its own user then is no matter. The lists may be missing, or too old.
  apt_fetch() { (cd "$work" && apt-get download -qq "$package" >/dev/null 2>said); }
  { apt_fetch || { as_root apt-get update -qq && apt_fetch; }; } && (cd "$work" && dpkg-deb --fsys-tarfile "$package"_*.deb | tar -x "./$folder") ||
    { cat "$work/said" >&2 && printf 'error: could not fetch %s. Try: apt-get download %s\n' "$package" "$package" >&2 && exit 1; }
  rm -f "$work"/"$package"_*.deb "$work/said"
  mv "$work" "$root"
}

# apt_unpack_all <folder> <package>...: puts the files of packages, and of what they need and the machine lacks, below a folder. Nothing is installed, no user
# is made and no service started.
apt_unpack_all() {
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
