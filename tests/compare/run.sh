#!/usr/bin/env bash
# Makes the tables of `compare.py`, whose options it passes on: installs the pinned aws command line tool
# and boto3 into a virtual environment of their own, builds what is compared, and runs it.
#
# The environment goes to $CI_CACHE (default ~/.cache/maintenance-ci), outside the clone.
set -euo pipefail
cd "$(dirname "$0")/../.."

cache="${CI_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/maintenance-ci}"
venv="$cache/compare-$(sha256sum tests/compare/requirements.txt | cut -c1-16)"
if [[ ! -e "$venv/ready" ]]; then
    rm -rf "$venv"
    mkdir -p "$cache"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r tests/compare/requirements.txt
    touch "$venv/ready"
fi

cargo build --quiet --locked --workspace --bins --examples
exec "$venv/bin/python" tests/compare/compare.py "$@"
