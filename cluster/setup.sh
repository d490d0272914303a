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

# Install Debian packages where the user may; else say in one line what to install.
install_packages() {
  local sudo=""
  if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || stop "please install: $* (for instance: sudo apt-get install -y $*)"
    sudo="sudo -n"
  fi
  command -v apt-get >/dev/null || stop "please install: $*"
  say "installing $*"
  $sudo apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

find_python() {
  local name
  for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
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

stamp=.venv/.jdl-$kind
wanted=$(cat "$lock" pyproject.toml cluster/setup.sh | sha256sum | cut -d' ' -f1)

if [ -z "$(find_java)" ]; then
  if apt-cache show openjdk-21-jre-headless >/dev/null 2>&1; then java_package=openjdk-21-jre-headless
  else java_package=openjdk-17-jre-headless; fi
  install_packages "$java_package" || install_packages openjdk-17-jre-headless
  [ -n "$(find_java)" ] || stop "Java 17 or 21 is needed; install for instance openjdk-17-jre-headless"
fi

if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
  if [ ! -x .venv/bin/python ]; then
    python=$(find_python)
    [ -n "$python" ] || { install_packages python3 python3-venv; python=$(find_python); }
    [ -n "$python" ] || stop "Python 3.11 or later is needed"
    say "virtual environment in .venv with $($python --version)"
    "$python" -c 'import ensurepip' 2>/dev/null || install_packages python3-venv
    "$python" -m venv .venv || stop "a virtual environment could not be made; install python3-venv"
  fi
  say "packages of $lock (the first time some minutes)"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
  echo "$wanted" > "$stamp"
fi

.venv/bin/jdl setup >/dev/null
