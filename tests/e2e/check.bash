# Assertions for scenarios. Each prints one line; the last words of a run are "N passed, N failed". Source it.

passed=0 failed=0
output='' status=0

# Runs a command and keeps what it printed (both streams) and its exit status.
run() {
  output=$("$@" 2>&1) && status=0 || status=$?
}

ok() { passed=$((passed + 1)); printf '  ok    %s\n' "$1"; }
not_ok() {
  failed=$((failed + 1))
  printf '  FAIL  %s\n' "$1"
  printf '%s\n' "${@:2}" "$output" | sed 's/^/        | /'
}

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

# The field of a JSON text on standard input; Python is on every Debian that builds this, jq is not.
field() { python3 -c 'import json,sys
value = json.load(sys.stdin)
for key in sys.argv[1].split("."):
    value = value[int(key)] if key.isdigit() else value[key]
print(value if isinstance(value, str) else json.dumps(value))' "$1"; }

finish() {
  printf '%d passed, %d failed\n' "$passed" "$failed"
  ((failed == 0))
}
