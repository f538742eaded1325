# What a live clone's guest makes of itself: the hooks of the agent's package, and one of its own that fails at first. What is looked at in the guests goes
# through their agents, as the clone has no network; it would be allowed one, and must be silent until it is itself.

in_member() { # CLONE or '', a line for its shell
  local clone=()
  [[ -z $1 ]] || clone=(--clone "$1")
  vmclone run pos1 "${clone[@]}" -- sh -c "$2"
}
machine_id_of() { in_member "$1" 'echo "machine-id=$(cat "${ZYNCLONE_ROOT-}/etc/machine-id")"' | grep -oE 'machine-id=[0-9a-f]{32}' | tail -1; }
host_keys_of() { # their digest; empty where there are none
  in_member "$1" 'cd "${ZYNCLONE_ROOT-}/etc"; sum=$(cat ssh/ssh_host_*_key dropbear/dropbear_*_host_key 2>/dev/null | sha256sum); echo "keys=$sum"' |
    grep -oE 'keys=[0-9a-f]{64}' | grep -v "$(sha256sum </dev/null | cut -c1-64)" | tail -1
}
expect_own() { # ORIGINAL'S CLONE'S TEXT
  output="the original's: $1, the clone's: $2"
  if [[ -n $1 && -n $2 && $1 != "$2" ]]; then ok "$3"; else not_ok "$3"; fi
}

identity() {
  part "A live clone's identity"
  local before keys
  in_member '' '[ -s "${ZYNCLONE_ROOT-}/etc/machine-id" ] || tr -dc 0-9a-f </dev/urandom | head -c 32 >"${ZYNCLONE_ROOT-}/etc/machine-id"' >/dev/null
  before=$(machine_id_of '') keys=$(host_keys_of '')
  put_file etc/xen/clone/guest/pos1.conf clone_vif_mask=0x1
  hook pos1 apply-identity 90-licence '[ -e "${ZYNCLONE_ROOT-}/etc/licence" ] || { echo "no licence for $ZYNCLONE_HOSTNAME yet"; exit 3; }'
  run vmclone create pos1 --name twin --mode live --wait
  expect_output 'the agent of twin has not taken its identity .*90-licence.*exit status 3 \(it said: no licence for pos1-twin yet\)' "a hook that fails is named, with what it said"
  expect_same true "$(vmclone show pos1 twin --json | field awaits_identity)" "and the clone awaits its identity"
  expect_same disabled "$(clone_filter)" "its interface, which may speak, is silent until then"
  run vmclone cutover start pos1 twin --wait
  expect_status 6 "nor can it take over"
  expect_output 'its agent has not taken its identity yet: it would speak as its original' "and why is said"
  run in_member twin 'touch "${ZYNCLONE_ROOT-}/etc/licence"; (sleep 1; kill -9 $PPID) >/dev/null 2>&1 &'
  expect_status 0 "a command reaches it all the same"
  has_identity() { [[ $(vmclone show pos1 twin --json | field awaits_identity) == false ]]; }
  run_until has_identity
  expect_status 0 "its agent, killed and started anew, is asked again, and takes it"
  may_speak() { [[ $(clone_filter) == unlocked ]]; }
  run_until may_speak
  expect_status 0 "then its interface may speak"
  expect_same "$before" "$(machine_id_of '')" "the original keeps its machine id"
  expect_own "$before" "$(machine_id_of twin)" "the clone has one of its own"
  if [[ -n $keys ]]; then
    expect_same "$keys" "$(host_keys_of '')" "the original keeps its SSH host keys"
    expect_own "$keys" "$(host_keys_of twin)" "the clone has its own"
  else
    skip "the clone's SSH host keys" "the guest has none"
  fi
  expect_own "$(generation_id pos1)" "$(generation_id pos1.twin)" "the host tells each its generation id"
  if declare -F mac_inside >/dev/null; then
    expect_same "$(vmclone show pos1 twin --json | field vifs.0.mac)" "$(mac_inside twin)" "its interface has the MAC address that it was given"
  else
    skip "the MAC address of the clone's interface" "a pretended guest has none"
  fi
  vmclone stop pos1 twin --wait >/dev/null
  vmclone remove pos1 twin --wait >/dev/null
  put_file etc/xen/clone/guest/pos1.conf ''
  run_until guest pos1 true  # on Xen its address may have been the clone's for a moment
  hook pos1 apply-identity 90-licence ''
  expect_nothing_left "nothing of it is left"
}
