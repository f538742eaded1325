# Assertions for scenarios. Each prints one line; the last words of a run are "N passed, N failed". Source it.

passed=0 failed=0
output='' status=0

# Runs a command and keeps what it printed (both streams) and its exit status.
run() {
  output=$("$@" 2>&1) && status=0 || status=$?
}

# The same, again and again until it succeeds, for a minute at most: for what another process brings about in its own time.
run_until() {
  local end=$((SECONDS + 60))
  while run "$@"; ((status != 0 && SECONDS < end)); do read -rt 0.1 <> <(:) || true; done
}

ok() { passed=$((passed + 1)); printf '  ok    %s\n' "$1"; }
not_ok() {
  failed=$((failed + 1))
  printf '  FAIL  %s\n' "$1"
  printf '%s\n' "${@:2}" "$output" | sed 's/^/        | /'
}

# What this host cannot show: neither passed nor failed.
skip() { printf '  skip  %s: %s\n' "$1" "$2"; } # WHAT WHY

expect_status() { # STATUS TEXT
  if ((status == $1)); then ok "$2"; else not_ok "$2" "exit status $status instead of $1"; fi
}
expect_output() { # REGEX TEXT
  if grep -qE -- "$1" <<<"$output"; then ok "$2"; else not_ok "$2" "no line like: $1"; fi
}
expect_no_output() { # REGEX TEXT
  if ! grep -qE -- "$1" <<<"$output"; then ok "$2"; else not_ok "$2" "there is a line like: $1"; fi
}
expect_same() { # EXPECTED ACTUAL TEXT
  if [[ $1 == "$2" ]]; then ok "$3"; else output=$2; not_ok "$3" "expected: $1"; fi
}

part() { printf '%s\n' "$1"; }

# The field of a JSON text on standard input; empty where there is none.
field() {
  python3 -c 'import json, sys
try:
    value = json.load(sys.stdin)
    for key in sys.argv[1].split("."):
        value = value[int(key)] if key.isdigit() else value[key]
    print(value if isinstance(value, str) else json.dumps(value))
except (ValueError, KeyError, IndexError):
    pass' "$1" 2>/dev/null
}

# Runs another program of tests, whose last line of sums is added to those here; one that did not come to its sums has failed.
add() { # LOG COMMAND...
  local log=$1 passed_there=0 failed_there=1
  shift
  "$@" | tee "$log"
  read -r passed_there _ failed_there _ < <(grep -aE '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -1 | grep . || echo '0 passed, 1 failed')
  passed=$((passed + passed_there)) failed=$((failed + failed_there))
}

# Who has tried nothing has not passed.
finish() {
  printf '%d passed, %d failed\n' "$passed" "$failed"
  ((failed == 0 && passed > 0))
}
