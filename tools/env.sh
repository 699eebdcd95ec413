# Sourced by demo.sh and test.sh from the repository root: `prepare core` or
# `prepare dev` makes .venv, builds the native part and installs the package in it,
# and does nothing when that is already done.

# prepare core: what the program needs; prepare dev: what its tests need as well
prepare() {
    python=${PYTHON:-python3}
    check_machine || return 1
    [ -x .venv/bin/python ] || "$python" -m venv .venv || return 1
    current dev && return 0
    [ "$1" = core ] && current core && return 0
    extras=
    [ "$1" = core ] || extras="[$1]"
    echo "installing into .venv (builds the native part; takes a minute or two) ..." >&2
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable ".$extras" ||
        return 1
    touch ".venv/installed-$1"
}

# whether what `prepare $1` installs is there and was built from the sources as they are
current() {
    [ -f ".venv/installed-$1" ] &&
        [ -z "$(find CMakeLists.txt pyproject.toml native -newer ".venv/installed-$1" -print)" ]
}

# what must be on the machine, all that is missing told at once
check_machine() {
    missing=
    if ! command -v "$python" >/dev/null; then
        missing="python3 python3-venv python3-dev"
    elif ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        echo "python 3.11 or newer is needed; $python is $("$python" -V 2>&1)." \
            "Set PYTHON to a newer one." >&2
        return 1
    else
        "$python" -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"
        "$python" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' ||
            missing="$missing python3-dev"
    fi
    command -v "${CXX:-g++}" >/dev/null || missing="$missing g++"
    [ -z "$missing" ] && return 0
    echo "missing on this machine. On Debian or Ubuntu: sudo apt install$(printf ' %s' $missing)" >&2
    return 1
}
