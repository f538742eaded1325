# shellcheck shell=bash
# What the rows share: a sandbox, times, medians, memory, and the line that says whether an aim is met.
set -euo pipefail
root=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/..")
PATH=$root/build/release/bin:$PATH
work=$(mktemp -d /tmp/zynclone-bench.XXXXXX)
sandbox=$work/s
peers=()  # processes to be ended

put_away() {
  local status=$?
  ((${#peers[@]} == 0)) || kill "${peers[@]}" 2>/dev/null || true
  [[ ! -S $sandbox/control.sock ]] || zynclone-sandbox down --dir "$sandbox" >/dev/null 2>&1 || true
  rm -rf "$work"
  return $status
}
trap put_away EXIT

now() { date +%s%N; }
# Milliseconds that a command takes; what it says is shown if it fails.
timed() {
  local begun
  begun=$(now)
  "$@" >"$work/said" 2>&1 || { echo "failed: $*" >&2; cat "$work/said" >&2; return 1; }
  echo $((($(now) - begun) / 1000000))
}
median() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
ratio() { awk "BEGIN {printf \"%.2f\", $1 / $2}"; }
# The expression's value: 1 or 0.
holds() { awk "BEGIN {exit !($1)}"; }

host() { zynclone-sandbox host --dir "$sandbox" -- "$@"; }
guest() { local vm=$1; shift; zynclone-sandbox exec --dir "$sandbox" "$vm" -- "$@"; }
domain_of() { zynclone-sandbox domain list --dir "$sandbox" | awk -v name="$1" '$NF == name {print $1}'; }
agent_socket() { echo "$sandbox/domains/$(domain_of "$1")/agent.sock"; }
service_process() { zynclone-sandbox service list --dir "$sandbox" | awk -F, -v name="$1" '$1 == name {print $2}'; }
wait_until() { until "$@" >/dev/null 2>&1; do read -rt 0.1 <> <(:) || true; done; }
# The limit on a guest's messages a second is lifted: one client here asks as fast as it is answered.
sandbox_up() {
  zynclone-sandbox up --dir "$sandbox" "$@" >/dev/null
  local settings=$sandbox/etc/zynclone/broker.conf
  if ! grep -q guest_messages "$settings"; then
    echo 'guest_messages = 1000000' >>"$settings"
    zynclone-sandbox service stop --dir "$sandbox" zynclone-broker
    zynclone-sandbox service start --dir "$sandbox" zynclone-broker -- zynclone-broker --config "$settings"
  fi
  local vm
  for vm in $(zynclone-sandbox domain list --dir "$sandbox" | awk 'NR > 1 {print $NF}'); do wait_until guest "$vm" zynclone family show; done
}

family_show='{"jsonrpc":"2.0","id":1,"method":"family.show","params":{}}'
guest_ping='{"execute":"guest-ping"}'
# qemu-ga as a plain process; sets peer_socket and peer_process.
start_qemu_ga() {
  peer_socket=$work/qga.sock
  qemu-ga -m unix-listen -p "$peer_socket" -t "$work" -f "$work/qga.pid" >"$work/qga.log" 2>&1 &
  peer_process=$!
  peers+=("$peer_process")
  wait_until test -S "$peer_socket"
}

# Proportional memory in KiB of all processes named by their numbers.
memory_of() {
  local process
  for process in "$@"; do cat "/proc/$process/smaps_rollup"; done | awk '/^Pss:/ {sum += $2} END {print sum}'
}

# verdict WHAT MEASURED [AIM CONDITION]: a row of the table at the end; awk's CONDITION says whether the aim is met.
verdict() {
  local met=''
  (($# < 4)) || met=$(holds "$4" && echo met || echo MISSED)
  printf '%-58s %-34s %-22s %s\n' "$1" "$2" "${3:-}" "$met" | tee -a "${BENCH_RESULTS:-/dev/null}"
}
