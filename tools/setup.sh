# shellcheck shell=bash
# What ./run and ./test share: install what is missing, configure, build.
#
# Sourced, never run. The happy path does nothing twice: packages are asked
# for only if dpkg does not know them, a build directory is configured once
# and ninja rebuilds only what changed. Every failure names what to do.

ol_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

# What the release build needs, and what the tests need on top of it. libc6-dev
# is only a recommendation of gcc, so it is named.
# shellcheck disable=SC2034 # used by ./run and ./test
ol_packages_run=(gcc libc6-dev pkg-config meson ninja-build libsodium-dev
    libuv1-dev libjansson-dev libinih-dev libsqlite3-dev libbrotli-dev scdoc)
# shellcheck disable=SC2034
ol_packages_test=(libcmocka-dev golang-go golang-github-flynn-noise-dev
    golang-golang-x-crypto-dev python3 iproute2 clang clang-tidy cppcheck
    libclang-rt-14-dev
    libcbor-dev valgrind binutils shellcheck mandoc)

ol_say() {
    printf 'openline: %s\n' "$*" >&2
}

ol_die() {
    ol_say "$@"
    exit 1
}

# ol_install PACKAGE...: installs those that are missing; usually does nothing.
ol_install() {
    local package missing=() root=()
    command -v dpkg-query >/dev/null ||
        ol_die "this is not Debian: install by hand what $*" \
            "are on your system, then use meson directly"
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" \
            2>/dev/null)" = installed ] || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null ||
            ol_die "missing packages and no right to install them: run as" \
                "root: apt-get install ${missing[*]}"
        root=(sudo)
    fi
    ol_say "installing ${missing[*]}"
    local log apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y
        -o DPkg::Lock::Timeout=600)
    log=$(mktemp)
    # A failed update is not the end: the lists at hand may do.
    "${root[@]}" "${apt[@]}" update >"$log" 2>&1 || true
    if ! "${root[@]}" "${apt[@]}" install --no-install-recommends \
        "${missing[@]}" >>"$log" 2>&1; then
        grep -E '^(E|W|Err)' "$log" | tail -n 12 >&2
        ol_die "cannot install packages: if this machine is offline, connect" \
            "it or bring them by hand: ${missing[*]} (whole log: $log)"
    fi
    rm -f "$log"
}

# ol_configure DIR OPTION...: configures DIR once; again only if the tree has
# moved or the options are others, and then from scratch.
ol_configure() {
    local dir=$1 stamp
    shift
    stamp="$ol_root $*"
    if [ -f "$dir/build.ninja" ] && [ -f "$dir/.openline-stamp" ] &&
        [ "$(cat "$dir/.openline-stamp")" = "$stamp" ]; then
        return 0
    fi
    ol_say "configuring $(basename "$dir")"
    # The lock file stays: others may be waiting on it.
    find "$dir" -mindepth 1 -maxdepth 1 ! -name .openline-lock \
        -exec rm -rf {} +
    if ! meson setup "$dir" "$ol_root" "$@" >"$dir/.openline-log" 2>&1; then
        cat "$dir/.openline-log" >&2
        return 1
    fi
    printf '%s\n' "$stamp" >"$dir/.openline-stamp"
}

# ol_ninja DIR TARGET...: builds; prints nothing unless something was built.
ol_ninja() {
    local dir=$1 out
    shift
    if ! out=$(ninja -C "$dir" "$@" 2>&1); then
        printf '%s\n' "$out" >&2
        ol_say "build failed in $(basename "$dir")"
        return 1
    fi
    case $out in
    *'no work to do'*) ;;
    *) ol_say "built $(basename "$dir")" ;;
    esac
}

# The release build, as ./run uses it: asserts kept. ./test adds the programs
# of the simulation and the network to the same directory; the objects that
# ./run needs stay the same, so neither undoes the other's work.
ol_release() {
    local dir=$ol_root/build tests=$1
    shift
    mkdir -p "$dir"
    {
        flock 9
        ol_configure "$dir" --buildtype=release -Db_ndebug=false || return 1
        if [ "$tests" = tests ] && [ ! -f "$dir/.openline-tests" ]; then
            meson configure "$dir" -Dtests=sim,net >/dev/null || return 1
            touch "$dir/.openline-tests"
        fi
        ol_ninja "$dir" "$@" || return 1
    } 9>"$dir/.openline-lock"
}

# The build the unit tests and suites run in: sanitizers on.
ol_sanitized() {
    local dir=$ol_root/build-test
    mkdir -p "$dir"
    {
        flock 9
        ol_configure "$dir" --buildtype=debugoptimized -Db_ndebug=false \
            -Db_sanitize=address,undefined -Dtests=unit,suite,vectors,sim ||
            return 1
        ol_ninja "$dir" || return 1
    } 9>"$dir/.openline-lock"
}

# The program under ThreadSanitizer.
ol_threads() {
    local dir=$ol_root/build-tsan
    mkdir -p "$dir"
    {
        flock 9
        ol_configure "$dir" --buildtype=debugoptimized -Db_ndebug=false \
            -Db_sanitize=thread || return 1
        ol_ninja "$dir" || return 1
    } 9>"$dir/.openline-lock"
}

# What the analysers read: the commands for every C file. Nothing is built.
ol_lint() {
    local dir=$ol_root/build-lint
    mkdir -p "$dir"
    {
        flock 9
        CC=clang ol_configure "$dir" --buildtype=debugoptimized \
            -Db_ndebug=false -Dtests=unit,suite,sim,net,vectors,fuzz ||
            return 1
        ninja -C "$dir" build.ninja >/dev/null
    } 9>"$dir/.openline-lock"
}

# The pure core with counters of what was reached (tools/coverage).
ol_counted() {
    local dir=$ol_root/build-cov
    mkdir -p "$dir"
    {
        flock 9
        ol_configure "$dir" --buildtype=debug -Doptimization=1 \
            -Db_ndebug=false -Db_coverage=true -Dwerror=false \
            -Dtests=unit,vectors,sim ||
            return 1
        ol_ninja "$dir" || return 1
    } 9>"$dir/.openline-lock"
}

# The unit tests with MemorySanitizer; only those without libsodium are built.
ol_written() {
    local dir=$ol_root/build-msan targets
    mkdir -p "$dir"
    {
        flock 9
        CC=clang ol_configure "$dir" --buildtype=debugoptimized \
            -Db_ndebug=false -Db_sanitize=memory -Db_lundef=false \
            -Dtests=unit || return 1
        mapfile -t targets < <(ninja -C "$dir" -t targets all |
            grep -oE '^src/(base|wire)-[a-z0-9_]+_test:' | tr -d :)
        ol_ninja "$dir" "${targets[@]}" || return 1
    } 9>"$dir/.openline-lock"
}

# The build for fuzzing: the same with clang, whose warnings count as well.
ol_fuzzing() {
    local dir=$ol_root/build-fuzz
    mkdir -p "$dir"
    {
        flock 9
        CC=clang ol_configure "$dir" --buildtype=debugoptimized \
            -Db_ndebug=false -Db_sanitize=address,undefined \
            -Db_lundef=false -Dtests=fuzz || return 1
        ol_ninja "$dir" || return 1
    } 9>"$dir/.openline-lock"
}
