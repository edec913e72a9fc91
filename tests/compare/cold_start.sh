#!/usr/bin/env bash
# What a gate adds to a cold start, by source: docs/performance.md has its table.
#
#   tests/compare/cold_start.sh [ROUNDS]      # 40 unless said
#   WITHOUT_SDK=1 tests/compare/cold_start.sh # without the AWS SDK, which takes most of the time to build
#
# Builds the programs of tests/compare/cold_start with the release profile, each with the features of
# its own source, and the one of cold_start_default with the AWS SDK's own: a quarter of an hour the
# first time, of which the SDK, twice, is most. They go to target/cold-start. Needs nothing of AWS;
# everything is on loopback.
set -euo pipefail
cd "$(dirname "$0")/cold_start"
root="$(cd ../../.. && pwd)"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$root/target}/cold-start"
# The versions that the workspace is tested with.
cp "$root/Cargo.lock" Cargo.lock
cp "$root/Cargo.lock" ../cold_start_default/Cargo.lock

build() { nice cargo build --quiet --release --bin "$@"; }
build hello
build runtime --features runtime
build memory --features gate
build extension --features extension
build ssm --features ssm
build handler --features handler
build handler-ssm --features handler,ssm
build measure --features measure
if [ -z "${WITHOUT_SDK:-}" ]; then
    build ssm-sdk --features ssm-sdk
    (cd ../cold_start_default && build sdk-default)
fi

"$CARGO_TARGET_DIR/release/measure" "${1:-40}"
