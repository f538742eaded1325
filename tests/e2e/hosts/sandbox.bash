# The scenario's host: a sandbox of its own, with the programs of build/dev (or of the preset in ZYNCLONE_PRESET).
PATH=$(readlink -f "$here/../..")/build/${ZYNCLONE_PRESET:-dev}/bin:$PATH
sandbox=''

host_up() {
  sandbox=$(mktemp -d /tmp/zynclone-e2e.XXXXXX)
  zynclone-sandbox up --dir "$sandbox" --vm pos1 --vm pos2 >/dev/null || return 1
  rm "$sandbox"/etc/zynclone/policy.d/*
  cp "$here"/policy/*.policy "$sandbox/etc/zynclone/policy.d/"
  local event
  for event in quiesce thaw; do
    mkdir -p "$sandbox/guests/pos1/hooks.d/$event"
    cp "$here"/hooks/$event/* "$sandbox/guests/pos1/hooks.d/$event/"
  done
  fault_file=$sandbox/fault
  zynclone-sandbox service stop --dir "$sandbox" zynclone-broker
  zynclone-sandbox service start --dir "$sandbox" --set ZYNCLONE_FAULT_FILE="$fault_file" zynclone-broker -- \
    zynclone-broker --config "$sandbox/etc/zynclone/broker.conf"
}
host_down() {
  [[ -n $sandbox ]] || return 0
  zynclone-sandbox down --dir "$sandbox" >/dev/null 2>&1
  if ((failed > 0)); then echo "(the sandbox's logs stay in $sandbox)"; else rm -rf "$sandbox"; fi
}

dom0() { zynclone-sandbox host --dir "$sandbox" -- "$@"; }
guest() { local vm=$1; shift; zynclone-sandbox exec --dir "$sandbox" "$vm" -- "$@"; }
set_fault() { echo "$1" >"$fault_file"; }
fault_is_over() { [[ ! -e $fault_file ]]; }

# As kill -9 does to a service: its supervisor starts it anew.
service_kill() { kill -9 "$(zynclone-sandbox service list --dir "$sandbox" | awk -v name="$1" '$1 == name {print $2}')"; }
process_kill() { pkill -9 -f -- "$1"; }
agent_kill() { kill -9 "$(zynclone-sandbox domain list --dir "$sandbox" --json | python3 -c 'import json,sys; pass')"; }

volumes() { (cd "$sandbox/images" && ls); }
domains() { zynclone-sandbox domain list --dir "$sandbox" | awk 'NR > 1 {print $NF}' | sort; }
families() { dom0 vmclone list | tail -n +2; }
