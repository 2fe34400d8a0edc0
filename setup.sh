#!/bin/sh
# Make .venv with everything Rescore needs, from the lock files: `sh setup.sh`, or `sh setup.sh --dev` for the tests too.
set -eu
cd "$(dirname "$0")"
lock=requirements.lock
[ "${1:-}" = --dev ] && lock=requirements-dev.lock
python=${PYTHON:-$(command -v python3.11 || command -v python3 || echo python3.11)}
"$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null ||
  { echo "setup.sh: Python 3.11 is needed and '$python' is not it; name one with PYTHON=..." >&2; exit 2; }
[ -x .venv/bin/python ] || "$python" -m venv .venv
stamp=.venv/$lock.installed
want=$(cat requirements*.lock pyproject.toml | cksum)
[ "$(cat "$stamp" 2>/dev/null || true)" = "$want" ] && exit 0
install() { .venv/bin/python -m pip install --disable-pip-version-check --require-hashes --no-deps "$@"; } # the lock files are complete
# The CPU build of PyTorch on a machine without a GPU, where pip finds one; else the registry's (on Linux: with CUDA).
gpu=$(command -v nvidia-smi || true)
{ [ -z "$gpu" ] && install -r requirements-torch-cpu.lock 2>/dev/null; } || install -r requirements-torch.lock
install -r "$lock"
if [ "$lock" = requirements-dev.lock ]; then
  install --quiet -r requirements-storage.lock
  rm -rf .venv/peer
  install --quiet --no-build-isolation --target .venv/peer -r requirements-peer.lock
fi
.venv/bin/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation --quiet --editable .
echo "$want" > "$stamp"
