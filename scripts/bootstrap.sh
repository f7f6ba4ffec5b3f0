# shellcheck shell=bash
# Sourced by the other scripts. `bootstrap EXTRA` makes .venv from requirements/EXTRA.txt, or finds it made already.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENV=$ROOT/.venv

say() { printf '%s\n' "$*" >&2; }

die() {
  say "error: $*"
  exit 1
}

is_new_enough() {
  "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
  local name
  for name in python3 python3.11 python3.12 python3.13 python3.14; do
    if is_new_enough "$name"; then
      command -v "$name"
      return
    fi
  done
  die "Python 3.11 or newer is needed; neither python3 nor python3.11 to python3.14 on PATH is that." \
    "Install one, for example: apt-get install python3 python3-venv"
}

make_venv() {
  local python
  python=$(find_python) || exit 1
  if "$python" -c 'import ensurepip' >/dev/null 2>&1; then
    "$python" -m venv --clear "$VENV" || die "$python could not make a virtual environment in $VENV"
  elif "$python" -m pip --version >/dev/null 2>&1; then
    # Debian's python3 without python3-venv, but with a pip that can install into another environment.
    "$python" -m venv --clear --without-pip "$VENV" || die "$python could not make a virtual environment in $VENV"
    "$python" -m pip --python "$VENV/bin/python" install --quiet pip || die "pip could not be put into $VENV"
  else
    die "$python has neither ensurepip nor pip, so it can't make a virtual environment." \
      "On Debian and Ubuntu: apt-get install python3-venv"
  fi
}

# What an installation depends on: the declared dependencies, their files, and the Python they are for.
fingerprint() {
  "$VENV/bin/python" -VV
  cat "$ROOT/pyproject.toml" "$ROOT"/requirements/*.txt | cksum
}

# `pip_of PYTHON COMMAND ...`: pip takes only files whose hashes are in requirements/.
pip_of() {
  local python=$1 command=$2
  shift 2
  "$python" -m pip "$command" --quiet --disable-pip-version-check --require-hashes "$@"
}

# `tool NAME`: an environment of its own, .midday/NAME, from requirements/NAME.txt.
tool() {
  local folder=$ROOT/.midday/$1 file=$ROOT/requirements/$1.txt python
  if cmp --silent "$file" "$folder/installed.txt"; then
    return
  fi
  python=$(find_python) || return
  "$python" -m venv --clear "$folder" || return
  pip_of "$folder/bin/python" install --requirement "$file" || return
  cp "$file" "$folder/installed.txt"
}

# `dev` holds all that the others do.
is_installed() {
  local wanted extra
  wanted=$(fingerprint 2>/dev/null) || return 1
  for extra in "$1" dev; do
    if [[ -f $VENV/.installed-$extra && $(<"$VENV/.installed-$extra") == "$wanted" ]]; then
      return 0
    fi
  done
  return 1
}

bootstrap() {
  local extra=$1 requirements=$ROOT/requirements
  if is_installed "$extra"; then
    return
  fi
  if ! is_new_enough "$VENV/bin/python"; then
    say "Making .venv ..."
    make_venv
  fi
  say "Installing midday-worker[$extra] into .venv; the first time takes a minute or two ..."
  pip_of "$VENV/bin/python" install --requirement "$requirements/build.txt" --requirement "$requirements/${extra//,/-}.txt" ||
    die "the dependencies could not be installed; pip says why above"
  # All that it needs is there by now.
  "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --no-index --no-build-isolation \
    --editable "${ROOT}[$extra]" ||
    die "midday-worker could not be installed; if pyproject.toml asks for more than requirements/ holds, run scripts/lock"
  fingerprint >"$VENV/.installed-$extra"
}
