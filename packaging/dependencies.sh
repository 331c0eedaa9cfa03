# Sourced: the Debian packages that building, running and testing take, and how missing ones are installed.
# shellcheck shell=bash disable=SC2034

build_packages=(build-essential cmake ninja-build ccache curl libpoco-dev nlohmann-json3-dev libboost-dev libspdlog-dev
  libyaml-cpp-dev libvalijson-dev libcli11-dev libsimdjson-dev libgtest-dev libssl-dev)
test_packages=(python3 openssl redis-server prometheus chromium)

# install_missing PACKAGE...: nothing happens, without network or rights, when all are there.
install_missing() {
  local package missing=()
  for package in "$@"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  local as_root=()
  ((EUID == 0)) || as_root=(sudo)
  echo "installing ${missing[*]}" >&2
  # RUNLEVEL=1: packages that bring a service do not start it.
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get update -q >&2
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -q -y --no-install-recommends "${missing[@]}" >&2
}

# build [TARGET...]: these, or everything, optimised, into build/.
build() {
  cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache >&2
  cmake --build build ${1:+--target "$@"} >&2
}
