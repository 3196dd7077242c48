#!/usr/bin/env bash
# Makes .venv from uv.lock; does nothing when it is up to date. Called by every make target.
set -euo pipefail
cd "$(dirname "$0")/.."

stamp=".venv/.lock-$(cat uv.lock pyproject.toml .python-version | sha256sum | cut -c1-16)"
[ -f "$stamp" ] && exit 0

fail() { echo "setup: $*" >&2; exit 1; }

if command -v uv >/dev/null 2>&1; then
  uv=(uv)
elif python3 -m uv --version >/dev/null 2>&1; then
  uv=(python3 -m uv)
else
  echo "setup: installing uv with pip ..."
  command -v python3 >/dev/null 2>&1 || fail "no python3 was found; install Python 3.10 and run make again."
  python3 -m venv .venv-uv >/dev/null 2>&1 && .venv-uv/bin/python -m pip install --quiet --disable-pip-version-check uv \
    || fail "uv could not be installed; install it with 'pip install uv' and run make again."
  uv=(.venv-uv/bin/uv)
fi

# uv must take the Python that is there: it may not download one.
export UV_PYTHON_DOWNLOADS=never
python=$("${uv[@]}" python find 3.10 2>/dev/null) \
  || fail "Python 3.10 was not found (Rasa 3.6 needs it); install it, for example with 'pyenv install 3.10', and run make again."

echo "setup: installing the locked packages into .venv (a few minutes the first time) ..."
"${uv[@]}" sync --frozen --quiet --compile-bytecode --python "$python" \
  || fail "the locked packages could not be installed; see the message above, then run make again."

# Rasa reports usage unless told not to, also when an agent starts it from the activated environment.
grep -q RASA_TELEMETRY_ENABLED .venv/bin/activate \
  || printf '\nRASA_TELEMETRY_ENABLED=false\nexport RASA_TELEMETRY_ENABLED\n' >>.venv/bin/activate

rm -f .venv/.lock-*
touch "$stamp"
