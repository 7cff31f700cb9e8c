# Sourced by the scripts beside it: finds Python, makes .venv, installs the locked requirements.
# Needs nothing but bash and Python 3.11 or later.

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# Files that the database's own user must be able to read (see controlplane/embedded).
umask 022
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_INPUT=1

fail() {
    printf 'taskplane: %s\n' "$1" >&2
    exit 2
}

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    local name seen=""
    for name in ${PYTHON:+"$PYTHON"} python3.14 python3.13 python3.12 python3.11 python3 python; do
        command -v "$name" >/dev/null 2>&1 || continue
        if new_enough "$name"; then
            command -v "$name"
            return
        fi
        seen="$("$name" -c 'import platform; print(platform.python_version())' 2>/dev/null || true)"
    done
    if [[ -n "$seen" ]]; then
        fail "Python 3.11 or later is needed and only $seen was found: install a newer one, or name it with PYTHON=/path/to/python."
    fi
    fail "Python 3.11 or later is needed and none was found: install it, or name it with PYTHON=/path/to/python."
}

make_venv() {
    [[ -d .venv && ! -e .venv/pyvenv.cfg ]] &&
        fail "The folder .venv is not a virtual environment: move it away."
    local python
    python="$(find_python)" || exit 2
    rm -rf .venv
    echo "Making .venv with $python ..."
    if ! "$python" -m venv .venv >.venv.log 2>&1; then
        rm -rf .venv
        if command -v uv >/dev/null 2>&1; then
            uv venv -q --python "$python" .venv || fail "uv could not make .venv."
        else
            local reason
            reason="$(tail -n 1 .venv.log)"
            rm -f .venv.log
            fail "$python cannot make a virtual environment ($reason): install its venv module (on Debian and Ubuntu the package python3-venv), or uv."
        fi
    fi
    rm -f .venv.log
}

compile_installed() {
    local packages
    packages="$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
    # The packages' own tests are never imported. A file that is not valid, such as a template of
    # one, is left as it is, as pip leaves it.
    .venv/bin/python -m compileall -q -j 0 -x 'site-packages/.*/tests?/' "$packages" \
        >/dev/null 2>&1 || true
}

install_locked() { # base or dev
    local wanted="requirements/$1.txt" installed=".venv/installed-$1.txt"
    [[ -e "$installed" && "$(<"$wanted")" == "$(<"$installed")" ]] && return
    echo "Installing the locked requirements ($1; once, about a minute) ..."
    rm -f "$installed"
    if command -v uv >/dev/null 2>&1; then
        uv pip install -q --python .venv/bin/python --require-hashes -r "$wanted" ||
            fail "The requirements could not be installed: see the lines above."
    else
        # pip compiles one file after the other; below, each processor compiles.
        .venv/bin/python -m pip install -q --no-compile --no-deps --require-hashes -r "$wanted" ||
            fail "The requirements could not be installed: see the lines above."
        compile_installed
    fi
    # dev is base and more, locked to the same versions.
    cp "requirements/base.txt" .venv/installed-base.txt
    cp "$wanted" "$installed"
}

bootstrap() { # base or dev
    # Two scripts started at once must not install into the same place at once.
    if command -v flock >/dev/null 2>&1; then
        mkdir -p .taskplane
        exec 9>.taskplane/bootstrap.lock
        flock 9
    fi
    if ! { [[ -x .venv/bin/python ]] && new_enough .venv/bin/python; }; then
        make_venv
    fi
    install_locked "$1"
    exec 9>&-
}
