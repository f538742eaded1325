# Who may ask for what, and what becomes of it: policy, approvals, plans, the same asked twice, mistakes, and what fails on the host.

refusals() {
  part "What is not allowed"
  run guest pos2 zynclone clone create --name x
  expect_status 3 "pos2 may not create clones"
  expect_output 'refused' "and is told no more than that"
  expect_no_output 'policy|rule' "least of all the policy"
  local denied=$output
  run guest pos2 zynclone operation show 01ARZ3NDEKTSV4RRFFQ69G5FAV
  expect_status 3 "an operation of nobody is refused"
  vmclone run pos1 -- true >/dev/null
  run guest pos2 zynclone operation show "$(vmclone operation list pos1 --json | field operations.0.id)"
  expect_status 3 "one of another family is refused in the same way"
  run zynclone clone create --name '../etc' --wait
  expect_status 2 "a name that could leave a path is a usage error"
  run zynclone clone create --name a --mode sideways
  expect_status 2 "so is a mode that does not exist"
  run vmclone show nosuch
  expect_status 6 "an unknown VM is not found"
  expect_output "cannot find VM 'nosuch'" "and named"
  expect_nothing_left "nothing was done"
}

approval() {
  part "An administrator is asked"
  zynclone clone create --name kept --no-start --wait >/dev/null
  local id
  run zynclone clone start kept --json
  expect_output 'awaiting-approval' "the operation waits"
  id=$(vmclone approval list --json | field approvals.0.operation.id)
  run vmclone approval deny "$id" --reason 'not during lunch'
  run zynclone operation show "$id"
  expect_output 'not during lunch' "denied with a reason"
  run zynclone clone start kept --json
  id=$(vmclone approval list --json | field approvals.0.operation.id)
  vmclone approval allow "$id" --reason 'after lunch' >/dev/null
  run zynclone operation watch "$id"
  expect_status 0 "allowed, it is done"
  expect_same running "$(state_of kept)" "and the clone runs"
  stop_and_remove kept >/dev/null
  expect_nothing_left "nothing of it is left"
}

idempotence() {
  part "The same request twice"
  local first second
  once() { zynclone clone create --name once --no-start --request-id r-once --wait --json | field id; }
  first=$(once)
  second=$(once)
  expect_same "$first" "$second" "one request id is one operation"
  service_kill zynclone-broker
  run_until vmclone list
  run_until zynclone family show
  second=$(once)
  expect_same "$first" "$second" "after the broker's restart too"
  vmclone remove pos1 once --wait >/dev/null
  expect_nothing_left "and one clone"
}

plans() {
  part "Plans"
  run zynclone clone create --name planned --plan
  expect_status 0 "a plan is given"
  expect_output 'snapshot' "with its steps"
  expect_nothing_left "and nothing is done"
}

mistakes() {
  part "Mistakes in files"
  run vmclone config check
  expect_status 0 "the configuration has none"
  run vmclone policy check
  expect_status 0 "nor has the policy"
  put_file etc/zynclone/policy.d/05-typing-error.policy 'clone.create pos1 alow'
  run vmclone policy check
  expect_output 'alow.*05-typing-error\.policy:1:[0-9]+' "one in the policy is named by file, line and column"
  run zynclone clone create --name x
  expect_status 3 "and nothing is allowed while it is there"
  remove_file etc/zynclone/policy.d/05-typing-error.policy
  put_file etc/xen/clone/guest/pos1.conf 'disks=xvdz'
  run vmclone config check
  expect_output 'xvdz.*pos1\.conf:1' "a disk that is not there is named by file and line"
  run vmclone create pos1 --name x --wait
  expect_output 'xvdz' "and a clone is refused because of it"
  put_file etc/xen/clone/guest/pos1.conf ''
  expect_nothing_left "nothing was done"
}

failures() {
  part "What fails on the host"
  run_until zynclone family show
  put_file etc/xen/clone/guest/pos1.conf 'quiesce_timeout=1s'
  agent_signal pos1 STOP
  run vmclone create pos1 --name silent --no-start --wait
  agent_signal pos1 CONT
  expect_status 0 "a guest that does not answer quiesce is cloned all the same"
  expect_output 'pos1 did not quiesce, disks will be crash-consistent' "and what its disks are is said"
  run vmclone show pos1 silent
  expect_output 'crash-consistent' "then and later"
  put_file etc/xen/clone/guest/pos1.conf ''
  local volume
  volume=$(basename "$(vmclone show pos1 silent --json | field disks.0.location)")
  volume_remove "$volume"
  run vmclone start pos1 silent --wait
  expect_status 1 "a clone that the toolstack cannot start is not started"
  expect_output "$volume" "the error names what is missing"
  expect_same inactive "$(state_of silent)" "the clone is as it was"
  expect_same $'pos1\npos2' "$(domains)" "and has no domain"
  run vmclone remove pos1 silent --wait
  expect_status 0 "it can be removed"
  run_until zynclone family show
  expect_nothing_left "nothing of it is left"
  broker_setting "$everything_in_reserve"
  run_until zynclone family show
  run zynclone clone create --name full --wait
  expect_status 6 "without room nothing is copied"
  expect_output 'no-space|no room|space' "and that is said"
  run vmclone create pos1 --name full --wait
  expect_output '[0-9]+ ?%|[KMGT]iB' "to administrators with the figures"
  broker_setting ''
  run_until zynclone family show
  expect_nothing_left "nothing was done"
}

audit() {
  part "The audit log"
  vmclone run pos1 -- true >/dev/null
  run vmclone audit verify
  expect_status 0 "the chain holds"
  run vmclone audit list
  expect_output 'requested' "requests are in it"
}
