# Sourced: the packages for building, running and testing, and how to install them.
# shellcheck shell=bash disable=SC2034

build_packages=(build-essential cmake ninja-build ccache curl libpoco-dev nlohmann-json3-dev
  libboost-dev libboost-context-dev libspdlog-dev libyaml-cpp-dev libvalijson-dev libcli11-dev
  libsimdjson-dev libgtest-dev libssl-dev)
test_packages=(python3 openssl redis-server prometheus chromium clang-format nginx-light caddy
  libnginx-mod-stream iproute2 clang libc++-dev libc++abi-dev rustc cargo debootstrap file lintian
  mandoc pkg-config systemd valgrind)
# Without matplotlib tests/bench makes tables and no plots.
bench_packages=(python3 nginx-light haproxy python3-matplotlib)

# install_missing PACKAGE...: needs neither network nor rights when all are installed.
install_missing() {
  local package missing=()
  for package in "$@"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
      missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  local as_root=()
  ((EUID == 0)) || as_root=(sudo)
  echo "installing ${missing[*]}" >&2
  # RUNLEVEL=1: packages that bring a service do not start it.
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -q)
  "${apt[@]}" update >&2
  "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >&2
}

# npm_ci FOLDER: installs its packages unless they are there.
npm_ci() {
  local lock=package-lock.json
  [[ $1/node_modules/.$lock -nt $1/$lock ]] || (cd "$1" && npm ci --no-audit --no-fund)
}

# Bookworm has Node.js 18; the AI SDK needs 20.
require_node() {
  node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' && return
  npm install --no-save --no-audit --no-fund --prefix build/node node@20
  PATH=$PWD/build/node/node_modules/.bin:$PATH
}

# build [TARGET...]: these, or everything, optimised, into build/.
build() {
  cmake --preset release >&2
  cmake --build build ${1:+--target "$@"} >&2
}
