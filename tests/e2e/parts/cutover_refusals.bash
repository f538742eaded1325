# Cutovers that cannot be: to who has production, to who does not run, while another is under way and while one is on probation. Each says why, and
# changes nothing.

# What a refusal must leave as it was: who has production and how it came by it, the clones, and the newest operation.
cutover_state() { vmclone cutover show pos1; vmclone list pos1; newest_operation; }

expect_refused() { # STATUS REGEX TEXT COMMAND...
  local before
  before=$(cutover_state)
  run "${@:4}"
  expect_status "$1" "$3"
  expect_output "$2" "and why is said"
  expect_same "$before" "$(cutover_state)" "and nothing has changed"
}

newest_operation() { vmclone operation list pos1 --json | field operations.0.id; }

# A cutover is held by hooks of the original that wait until a file is gone: several, as each may take ten seconds. In the sandbox clones have them, too.
held=/tmp/zynclone-e2e-held.$$
is_held() { in_pos1 "test -e $held"; }
hold_cutovers() {
  local each only='[ "$ZYNCLONE_ROLE $ZYNCLONE_SIDE" = "original leaving" ] || exit 0'
  hook pos1 prepare-cutover 50-begin "$only"$'\n'"touch $held"
  for each in 51 52 53; do hook pos1 prepare-cutover $each-hold "$only"$'\n'"timeout 8 sh -c 'while test -e $held; do sleep 0.2; done' || true"; done
}
let_cutovers_go() {
  local each
  for each in 50-begin 51-hold 52-hold 53-hold; do hook pos1 prepare-cutover $each ''; done
}

cutover_refusals() {
  part "Cutovers that are refused"
  vmclone create pos1 --name standby --mode online --wait >/dev/null
  vmclone create pos1 --name other --mode online --no-start --wait >/dev/null
  run_until both_answer
  expect_refused 6 "to 'pos1': it has production already" "to the original, which has production" vmclone cutover start pos1 pos1 --wait
  expect_refused 6 "to 'pos1': it has production already" "the same, asked by the guest" zynclone cutover start pos1 --wait
  expect_refused 6 "to 'other': it is inactive; start it first" "to a clone that does not run" vmclone cutover start pos1 other --wait
  vmclone activate pos1 other --wait >/dev/null
  expect_refused 6 "to 'other': it is active; start it first" "nor to one that is active only" vmclone cutover start pos1 other --wait
  expect_refused 6 "cannot find member 'nosuch': 'pos1' has no clone of that name" "to a clone that does not exist" vmclone cutover start pos1 nosuch --wait
  expect_refused 2 'cannot use a probation of 1 s: 10 s to 30 days' "with a probation that nobody could use" vmclone cutover start pos1 standby --probation 1s
  expect_refused 6 'cannot undo a cutover of .pos1.: there is none on probation' "an undo of nothing" vmclone cutover undo pos1 --wait
  expect_refused 6 'cannot commit a cutover of .pos1.: there is none on probation' "a commit of nothing" vmclone cutover commit pos1 --wait
  expect_refused 3 refused "by a guest that may not" guest pos2 zynclone cutover start pos2
  vmclone start pos1 other --wait >/dev/null
  run_until agent_answers other

  part "A second cutover while the first is under way"
  local first second third
  hold_cutovers
  vmclone cutover start pos1 standby >/dev/null
  first=$(newest_operation)
  run_until is_held
  expect_status 0 "the first waits for a hook of the original"
  expect_refused 6 'there is none on probation' "it cannot be undone yet" vmclone cutover undo pos1 --wait
  run vmclone cutover start pos1 other
  expect_output 'cutover\.start pos1 → other queued' "the second waits for its turn"
  second=$(newest_operation)
  run zynclone cutover start other
  expect_output 'cutover\.start pos1 → other queued' "so does a guest's"
  third=$(newest_operation)
  run vmclone operation cancel "$third"
  expect_status 0 "which is cancelled"
  expect_same pos1 "$(production_now)" "nothing has moved yet"
  in_pos1 "rm $held"
  run vmclone operation watch "$first"
  expect_status 0 "the first is done"
  run vmclone operation watch "$second"
  expect_status 1 "then the second is refused"
  expect_output "to 'other': 'standby' is on probation until .*; commit or undo that cutover first" "as the first is on probation"
  run vmclone operation watch "$third"
  expect_status 7 "the third does not begin"
  expect_same standby "$(production_now)" "the first has moved production, and nothing else did"

  part "A second cutover while one is on probation"
  expect_refused 6 "'standby' is on probation until .*; commit or undo that cutover first" "to another" vmclone cutover start pos1 other --wait
  expect_refused 6 "'standby' is on probation until" "back to the original" vmclone cutover start pos1 pos1 --wait
  expect_refused 6 "'standby' is on probation until" "to who has it" vmclone cutover start pos1 standby --wait
  expect_refused 6 'production' "who has it is not stopped" vmclone stop pos1 standby --wait
  run vmclone cutover undo pos1 --wait
  expect_status 0 "it can be undone"
  expect_same pos1 "$(production_now)" "the original has production"
  let_cutovers_go  # not before: on Xen the original was cut off
  expect_refused 6 'there is none on probation' "it is not undone twice" vmclone cutover undo pos1 --wait
  stop_and_remove other >/dev/null
  stop_and_remove standby >/dev/null
  expect_nothing_left "nothing of it is left"
}
