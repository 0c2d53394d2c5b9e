#!/usr/bin/env bash
# Gradescope runs this once, when it builds the image.  Assumed: Ubuntu 22.04 or 24.04 with its own Python (3.10 or 3.12).
set -euo pipefail
source="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
export DEBIAN_FRONTEND=noninteractive

if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    apt-get update
    apt-get install -y python3 python3-venv
fi
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
    echo "The grader needs Python 3.10 or newer: choose a base image with Ubuntu 22.04 or newer." >&2
    exit 1
fi

python3 -m venv "$source/venv"
install=("$source/venv/bin/python" -m pip --disable-pip-version-check install --quiet)
if ! "${install[@]}" --no-index --find-links "$source/wheels" "$source/@WHEEL@"; then
    echo "Not everything that is needed lies in the zip for this Python: the rest comes from the network."
    "${install[@]}" --find-links "$source/wheels" "$source/@WHEEL@"
fi
"${install[@]}" 'llvmlite>=0.44' 2>/dev/null || echo "Without llvmlite trainings take longer; the results are the same."
"$source/venv/bin/python" -I -m grader doctor || echo "Not confined while the image is built; what counts is the run."
