#!/bin/sh
# Every task of this repository. `./do` alone lists the verbs; arguments pass through.
# Needs Python 3.11 or newer and a package index, nothing else: without uv on the PATH it gets one into .tools.
set -eu
cd "$(dirname "$0")"
UV_PROJECT_ENVIRONMENT=.venv
export UV_PROJECT_ENVIRONMENT
unset VIRTUAL_ENV # another active environment is none of our business
PATH=$PATH:$PWD/.tools/bin # the uv fetched by an earlier run
export PATH

usage() {
    cat <<'TXT'
usage: ./do VERB [arguments]
  serve     install, migrate and serve on port 8081     arguments of `tenor-server serve`
  test      install and run the tests                   arguments of pytest; --full runs every case
  check     all that is not a test: format, lint, types, layers, pins, generated files
  demo      who breaks, where, on which field: the story on a served process, half a minute
  bench     measure ratios against floors               names of measurements; --smoke takes seconds
  openapi   export openapi/*.json from the routes       arguments of `tenor-server openapi`
  image     lay the root of the container image into a folder
  release   make wheels, hash-pinned requirements, a bill of materials and their sums in a folder
TXT
}

# The hash of all that decides what gets installed, and of the place: scripts in .venv name it.
wanted() { { pwd; cat do pyproject.toml clients/python/pyproject.toml; } | cksum; }

find_uv() {
    command -v uv >/dev/null && return
    echo "Fetching uv into .tools" >&2
    python3 -m venv .tools || { echo "do: needs python3 with its venv module (3.11 or newer)" >&2; exit 1; }
    .tools/bin/python -m pip install -q --disable-pip-version-check uv==0.13.9
}

# install main|dev: make .venv hold the server, or the server and the tools. Asks nothing when it already does.
install() {
    want=$(wanted)
    if [ -x .venv/bin/tenor-server ] && [ -x .venv/bin/python ]; then
        [ "$(cat .venv/installed-dev 2>/dev/null)" = "$want" ] && return
        [ "$1" = main ] && [ "$(cat .venv/installed-main 2>/dev/null)" = "$want" ] && return
    fi
    find_uv
    echo "Installing into .venv" >&2
    if [ "$1" = main ]; then set -- main --no-dev --inexact; else set -- dev --all-extras; fi
    stamp=.venv/installed-$1
    shift
    (
        # Byte code is made now, even where the environment says never: without it every start takes three times as long.
        unset PYTHONDONTWRITEBYTECODE
        uv sync -q --compile-bytecode "$@"
        .venv/bin/python -m compileall -q registry contracts migrations clients/python/src
    )
    echo "$want" >"$stamp"
}

check() {
    failed=
    for step in \
        "ruff format --check -q ." \
        "ruff check -q ." \
        "mypy" \
        "mypy .ci" \
        "lint-imports --no-logo" \
        "python .ci/pins.py check" \
        "tenor-server openapi --check"; do
        echo "check: $step"
        # shellcheck disable=SC2086 # each step is a command and its words
        .venv/bin/$step || failed="$failed
  $step"
    done
    [ -z "$failed" ] || { echo "check failed:$failed" >&2; exit 1; }
}

verb=${1:-help}
[ $# -eq 0 ] || shift
case $verb in
serve)
    install main
    exec .venv/bin/tenor-server serve "$@"
    ;;
test)
    install dev
    exec .venv/bin/python -m pytest -n 2 --dist loadfile "$@"
    ;;
check)
    install dev
    check
    ;;
demo)
    install dev
    exec .venv/bin/python -m tests.demo "$@"
    ;;
bench)
    install dev
    exec .venv/bin/python -m tests.bench "$@"
    ;;
openapi)
    install main
    exec .venv/bin/tenor-server openapi "$@"
    ;;
image)
    find_uv
    exec "$(uv python find '>=3.11')" .ci/image.py "$@"
    ;;
release)
    find_uv
    exec "$(uv python find '>=3.11')" .ci/release.py "$@"
    ;;
help | -h | --help) usage ;;
*)
    usage >&2
    exit 2
    ;;
esac
