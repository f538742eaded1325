# What policy would ask an administrator about is granted ahead of time, used up, taken back; and a rule that wants two people.

in_an_hour() { date -u -d '+1 hour' +%FT%TZ; }
grants_of() { vmclone grant list "$1" --json | field grants.0.id; }
asks_to_start() { zynclone clone start kept --json | field state; }
newest_waiting() { vmclone approval list --json | field approvals.0.operation.id; }
deny_newest() { vmclone approval deny "$(newest_waiting)" --reason 'not today' >/dev/null; }
audit_has() { # REGEX TEXT
  run vmclone audit list --last 50
  expect_output "$1" "$2"
}

ahead() {
  part "Granted ahead of time"
  local grant used id
  zynclone clone create --name kept --no-start --wait >/dev/null
  grant_mistakes
  run vmclone grant pos1 'clone.*' --until "$(in_an_hour)"
  expect_status 0 "an administrator grants something"
  expect_output '^grant 01[0-9A-Z]{24}: clone\.\* of pos1, 1 time until ' "and is told what"
  grant=$(grants_of pos1)
  service_kill zynclone-broker
  run_until zynclone family show
  run vmclone grant list pos1
  expect_output "^$grant +pos1 +clone\.\* .* 0 of 1 +admin:[^ ]+ " "it is listed, after the broker's death too"
  run zynclone clone start kept --wait
  expect_status 0 "the guest's request is done without anybody being asked"
  expect_same running "$(state_of kept)" "the clone runs"
  used=$(newest_operation)
  run vmclone grant list
  expect_output '^nothing is granted$' "the grant is used up"
  vmclone stop pos1 kept --wait >/dev/null
  expect_same awaiting-approval "$(asks_to_start)" "the next request asks"
  deny_newest
  audit_has "granted +- +clone\.\* pos1, 1 times until .*, $grant" "the audit log has the grant"
  audit_has "admin:[^ ]+ +grant used +$used +clone\.\*, $grant" "and for which operation it was used"

  part "Granted, and taken back"
  run vmclone grant pos1 clone.start --until "$(in_an_hour)" --times 2
  expect_status 0 "something is granted twice over"
  grant=$(grants_of pos1)
  run zynclone clone start kept --wait
  expect_status 0 "it is used once"
  run vmclone grant list pos1
  expect_output "^$grant .* 1 of 2 " "and may be used once more"
  vmclone stop pos1 kept --wait >/dev/null
  run vmclone grant revoke "$grant"
  expect_status 0 "it is revoked"
  expect_same awaiting-approval "$(asks_to_start)" "then the guest's request asks"
  id=$(newest_waiting)
  run vmclone grant pos1 'clone.*' --until "$(in_an_hour)"
  expect_same awaiting-approval "$(vmclone operation show "$id" --json | field state)" "what is granted afterwards is for later requests"
  deny_newest
  vmclone grant revoke "$(grants_of pos1)" >/dev/null
  run vmclone grant revoke "$grant"
  expect_status 0 "to revoke it again does no harm"
  run vmclone grant revoke 01ARZ3NDEKTSV4RRFFQ69G5FAV
  expect_status 6 "one that was never given is not revoked"
  expect_output "cannot revoke grant '01ARZ3NDEKTSV4RRFFQ69G5FAV': there is none" "and that is said"
  audit_has "grant revoked +- +clone\.start pos1, $grant" "the audit log has its revocation"

  part "What policy denies stays denied"
  vmclone grant pos2 '*' --until "$(in_an_hour)" >/dev/null
  run guest pos2 zynclone clone create --name x --wait
  expect_status 3 "a grant lets nothing through that is denied"
  run vmclone grant list pos2
  expect_output ' 0 of 1 ' "and is not used up by it"
  vmclone grant revoke "$(grants_of pos2)" >/dev/null

  two_people
  vmclone remove pos1 kept --wait >/dev/null
  run vmclone grant list
  expect_output '^nothing is granted$' "nothing is granted any more"
  expect_nothing_left "nothing of it is left"
}

grant_mistakes() {
  run vmclone grant pos1 'clone.*' --until 2020-01-01T00:00:00Z
  expect_status 2 "nothing is granted until a time that has passed"
  run vmclone grant pos1 'clone.*' --until "$(date -u -d '+40 days' +%FT%TZ)"
  expect_status 2 "nor for longer than a month"
  run vmclone grant pos1 'clone.*' --until "$(in_an_hour)" --times 0
  expect_status 2 "nor no times"
  run vmclone grant pos1 'clone ; *' --until "$(in_an_hour)"
  expect_status 2 "nor what is no operation"
  run vmclone grant nosuch 'clone.*' --until "$(in_an_hour)"
  expect_status 6 "nor for a VM that there is not"
}

# The broker knows people by their users of the host: a second one can be had on Xen.
two_people() {
  part "Two people must agree"
  local id
  put_file etc/zynclone/policy.d/05-two.policy 'clone.start pos1 ask approvers=2 timeout=15m'
  expect_same awaiting-approval "$(asks_to_start)" "the operation waits"
  id=$(newest_waiting)
  run vmclone approval allow "$id" --reason first
  expect_status 0 "one allows it"
  expect_same awaiting-approval "$(vmclone operation show "$id" --json | field state)" "which is not enough"
  run vmclone approval allow "$id" --reason again
  expect_status 6 "the same cannot allow it again"
  expect_output 'has allowed it, and 2 different people must' "and why is said"
  service_kill zynclone-broker
  run_until zynclone family show
  run vmclone approval allow "$id" --reason 'once more'
  expect_status 6 "nor after the broker's death"
  if declare -F second_person >/dev/null; then
    run second_person vmclone approval allow "$id" --reason second
    expect_status 0 "another allows it, too"
    run vmclone operation watch "$id"
    expect_status 0 "then it is done"
    expect_same running "$(state_of kept)" "and the clone runs"
    vmclone stop pos1 kept --wait >/dev/null
    audit_has "admin:$second_user +allowed +$id +second" "the audit log has who they were"
  else
    skip "another person's word" "the sandbox has one user"
    deny_newest
    expect_same denied "$(vmclone operation show "$id" --json | field state)" "denied by one it is not done"
  fi

  vmclone grant pos1 'clone.*' --until "$(in_an_hour)" --times 2 >/dev/null
  expect_same awaiting-approval "$(asks_to_start)" "what one has granted twice is one's word, too"
  id=$(newest_waiting)
  run vmclone approval allow "$id"
  expect_status 6 "who cannot say it again"
  if declare -F second_person >/dev/null; then
    run second_person vmclone grant pos1 'clone.*' --until "$(in_an_hour)"
    expect_status 0 "another grants it, too"
    deny_newest
    run zynclone clone start kept --wait
    expect_status 0 "by grants of two it is done at once"
    run second_person vmclone stop pos1 kept --wait
    expect_status 3 "who may decide may not do everything"
    vmclone stop pos1 kept --wait >/dev/null
    second_person_goes
  else
    deny_newest
    vmclone grant revoke "$(grants_of pos1)" >/dev/null
  fi
  remove_file etc/zynclone/policy.d/05-two.policy
}
