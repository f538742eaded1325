# What a live clone's guest makes of itself: the hooks of the agent's package, and one of its own that fails at first. What is looked at in the guests goes
# through their agents, as the clone has no network.

in_member() { # CLONE or '', a line for its shell
  local clone=()
  [[ -z $1 ]] || clone=(--clone "$1")
  vmclone run pos1 "${clone[@]}" -- sh -c "$2"
}
machine_id_of() { in_member "$1" 'echo "machine-id=$(cat "${ZYNCLONE_ROOT-}/etc/machine-id")"' | grep -oE 'machine-id=[0-9a-f]{32}' | tail -1; }

identity() {
  part "A live clone's identity"
  local before after
  in_member '' '[ -s "${ZYNCLONE_ROOT-}/etc/machine-id" ] || tr -dc 0-9a-f </dev/urandom | head -c 32 >"${ZYNCLONE_ROOT-}/etc/machine-id"' >/dev/null
  before=$(machine_id_of '')
  hook pos1 apply-identity 90-licence '[ -e "${ZYNCLONE_ROOT-}/etc/licence" ] || { echo "no licence for $ZYNCLONE_HOSTNAME yet"; exit 3; }'
  run vmclone create pos1 --name twin --mode live --wait
  expect_output 'the agent of twin has not taken its identity .*90-licence.*exit status 3 \(it said: no licence for pos1-twin yet\)' "a hook that fails is named, with what it said"
  expect_same true "$(vmclone show pos1 twin --json | field awaits_identity)" "and the clone awaits its identity"
  run in_member twin 'touch "${ZYNCLONE_ROOT-}/etc/licence"; (sleep 1; kill -9 $PPID) >/dev/null 2>&1 &'
  expect_status 0 "a command reaches it all the same"
  has_identity() { [[ $(vmclone show pos1 twin --json | field awaits_identity) == false ]]; }
  run_until has_identity
  expect_status 0 "its agent, killed and started anew, is asked again, and takes it"
  after=$(machine_id_of twin)
  expect_same "$before" "$(machine_id_of '')" "the original keeps its machine id"
  output="$before, $after"
  if [[ -n $before && -n $after && $after != "$before" ]]; then ok "the clone has one of its own"; else not_ok "the clone has one of its own"; fi
  hook pos1 apply-identity 90-licence ''
  vmclone stop pos1 twin --wait >/dev/null
  vmclone remove pos1 twin --wait >/dev/null
  expect_nothing_left "nothing of it is left"
}
