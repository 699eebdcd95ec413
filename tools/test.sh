#!/bin/sh
# The whole test suite: Python, then native. Makes .venv first if it is not there.
# Arguments go to pytest, for instance: sh tools/test.sh -k source
set -eu
cd "$(dirname "$0")/.."
. tools/env.sh
prepare dev
export ORT_DISABLE_TELEMETRY=1 OMP_NUM_THREADS=1
.venv/bin/python -m pytest "$@"
[ $# -eq 0 ] || exit 0
PATH="$PWD/.venv/bin:$PATH"
cmake -S . -B build/native-tests -G Ninja -DDMS_PYTHON=OFF -DDMS_NATIVE_TESTS=ON >build/native-tests.log ||
    { cat build/native-tests.log >&2; exit 1; }
cmake --build build/native-tests
ctest --test-dir build/native-tests --output-on-failure
