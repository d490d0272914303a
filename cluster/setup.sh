#!/usr/bin/env bash
# Set up everything a checkout needs: Java, a virtual environment from the hashed lock, the Delta jars.
# Quick when nothing has changed. Usage: cluster/setup.sh run|test
set -euo pipefail
cd "$(dirname "$0")/.."

kind=${1:-run}
case "$kind" in
  run) lock=requirements.lock ;;
  test) lock=requirements-test.lock ;;
  *) echo "usage: cluster/setup.sh run|test" >&2; exit 2 ;;
esac

say() { printf '== %s\n' "$*"; }
stop() { printf 'setup: %s\n' "$*" >&2; exit 4; }

# Install the first package that the system knows, where the user may; else say in one line what is needed.
# Usage: install NEED PACKAGE...
install() {
  local need=$1 sudo="" package
  shift
  command -v apt-get >/dev/null || stop "$need is needed; please install it"
  if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || stop "$need is needed; please install it, for instance: sudo apt-get install -y $1"
    sudo="sudo -n"
  fi
  $sudo apt-get update -qq || true
  for package in "$@"; do
    apt-cache show "$package" 2>/dev/null | grep -q '^Package:' || continue
    say "installing $package"
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "$package" >/dev/null && return
  done
  stop "$need is needed, and apt-get could not install it; please install it"
}

find_python() {
  local name
  for name in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
    if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
}

find_java() {
  local java
  for java in "${JAVA_HOME:-/nowhere}/bin/java" "$(command -v java || true)" /usr/lib/jvm/*/bin/java; do
    if [ -x "$java" ] && "$java" -version 2>&1 | grep -Eq 'version "(17|21)[."]'; then
      echo "$java"
      return
    fi
  done
}

# Say what pip is busy with, a line a package.
tell() { sed -un -e 's/^Collecting \([^=<>! ]*\)==\([^ ]*\).*/   \1 \2/p' -e 's/^Installing collected.*/   installing/p'; }

[ -n "$(find_java)" ] || install "Java 17 or 21" openjdk-17-jre-headless openjdk-21-jre-headless
[ -n "$(find_java)" ] || stop "Java 17 or 21 is needed, and was not found after the installation; set JAVA_HOME"

stamp=.venv/.jdl-$kind
wanted=$( (cat "$lock" pyproject.toml cluster/setup.sh; pwd) | sha256sum | cut -d' ' -f1)

if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
  if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    [ -n "$python" ] || install "Python 3.11 or later" python3.14 python3.13 python3.12 python3.11
    python=$(find_python)
    say "virtual environment in .venv with $($python --version)"
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then  # Debian keeps it in a package of its own
      install "python3-venv" "$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')" python3-venv
    fi
    rm -rf .venv
    "$python" -m venv .venv
  fi
  pip=(.venv/bin/python -m pip install --disable-pip-version-check --no-build-isolation)
  say "packages of $lock (the first time some minutes)"
  # What comes as source is built with the setuptools of the lock: nothing is fetched but what the lock names.
  awk '/^[^ #]/ { keep = /^setuptools==/ } keep' "$lock" > .venv/setuptools.lock
  "${pip[@]}" --require-hashes -r .venv/setuptools.lock | tell
  "${pip[@]}" --use-pep517 --require-hashes -r "$lock" | tell
  "${pip[@]}" --quiet --no-deps -e .
  echo "$wanted" > "$stamp"
fi

.venv/bin/jdl setup >/dev/null
