# shellcheck shell=bash
# Shared by the scripts of this folder: what they say, and how they fail. Sourced, never run.

# Nothing ends without a word: `set -e` alone would.
trap 'printf "%s stopped at line %s\n" "$0" "$LINENO" >&2' ERR

say() { printf '==> %s\n' "$*"; }

die() {
    printf '\nERROR: %s\n' "$1" >&2
    shift
    [ $# -eq 0 ] || printf '       %s\n' "$@" >&2
    exit 1
}

# run_quietly WHAT COMMAND...: one line when it begins, a sign of life every ten seconds, and all
# it printed if it fails.
run_quietly() {
    local what=$1 log began pid rc=0
    shift
    log=$(mktemp "${TMPDIR:-/tmp}/firstbell.XXXXXX")
    began=$SECONDS
    say "$what …"
    "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    # Commands in the background don't hear Ctrl-C by themselves.
    # shellcheck disable=SC2064
    trap "kill $pid 2>/dev/null; exit 130" INT TERM
    while kill -0 "$pid" 2>/dev/null; do
        # Wakes up at once when the command ends.
        timeout 10 tail --pid="$pid" -f /dev/null || true
        if kill -0 "$pid" 2>/dev/null; then
            say "  still at it after $((SECONDS - began)) s: $(tail -n 1 "$log" | cut -c 1-100)"
        fi
    done
    wait "$pid" || rc=$?
    trap - INT TERM
    if [ "$rc" -ne 0 ]; then
        tail -n 40 "$log" >&2
        rm -f "$log"
        die "$what failed (exit code $rc); its last lines stand above."
    fi
    rm -f "$log"
    say "  done in $((SECONDS - began)) s"
}

# Makes temporary files in memory where there is enough: a database is a thousand files, and a disk takes seconds to
# make and to remove them. SIGKILL loses nothing of them there either.
temporary_files_in_memory() {
    local most_mib=4096
    [ -z "${TMPDIR:-}" ] && [ -w /dev/shm ] || return 0
    [ "$(df --output=avail -m /dev/shm | tail -n 1)" -gt "$most_mib" ] || return 0
    [ "$(awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)" -gt $((most_mib * 2)) ] || return 0
    export TMPDIR=/dev/shm
}

# One sum over the names and contents of the files whose names come in, NUL-separated.
sum_of_files() { LC_ALL=C sort -z | xargs -0 -r sha256sum | sha256sum | cut -d ' ' -f 1; }
