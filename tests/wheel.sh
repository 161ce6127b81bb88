#!/usr/bin/env bash
# Build the wheel, install it with one backend into an environment of its own, and use it once.
#   tests/wheel.sh torch
set -euo pipefail
backend=$1
root=$(cd "$(dirname "$0")/.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$folder/venv/bin/python
"${PYTHON:-python3}" -m venv "$folder/venv"
"$python" -m pip wheel -q "$root" --no-deps -w "$folder"
# torch first, in the version of the tests: other versions may bring gigabytes of CUDA
[ "$backend" = torch ] && "$python" -m pip install -q -c "$root/requirements/constraints.txt" torch
"$python" -m pip install -q "$(ls "$folder"/kerasx-*.whl)[$backend]"
"$python" -m pip check
cd "$folder" && KERAS_BACKEND=$backend "$python" "$root/tests/use_installed.py"
