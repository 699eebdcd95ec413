# Sourced by demo.sh and test.sh from the repository root: `prepare EXTRAS` makes .venv, builds the
# native part and installs the package in it, and does nothing when that is already done.

# prepare "" or "[dev]": what pip installs besides the package itself
prepare() {
    python=${PYTHON:-python3}
    check_machine || return 1
    [ -x .venv/bin/python ] || "$python" -m venv .venv || return 1
    stamp=.venv/installed$1
    sources="CMakeLists.txt pyproject.toml native"
    # shellcheck disable=SC2086 # a list of paths without blanks
    if [ -f "$stamp" ] && [ -z "$(find $sources -newer "$stamp" -print)" ]; then
        return 0
    fi
    echo "installing into .venv (builds the native part; takes a minute or two) ..." >&2
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable ".$1" || return 1
    touch "$stamp"
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
