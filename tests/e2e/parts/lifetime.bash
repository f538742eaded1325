# A clone for some time: it is announced that it goes, and it goes; one that is protected, or has production, stays.

is_removed() { vmclone show pos1 "$1" >/dev/null 2>&1; (($? == 6)); }  # and not that nobody answers
has_stopped() { [[ $(state_of "$1") == active ]]; }
is_warned_of() { grep -qE "broker +expires soon .* pos1/$1 is removed at " <<<"$(vmclone audit list --last 20)"; }

# As if the host had been off until then: what a clone's time is stands in its family's file, which the broker reads at its start.
comes_to_be() { # TIME CLONE...
  local time
  time=$(dom0 date -u -d "$1" +%FT%T.000Z)
  dom0 cat "$(family_file pos1)" | python3 -c 'import json, sys
family = json.load(sys.stdin)
for clone in family["clones"]:
    if clone["name"] in sys.argv[2:]: clone["expires"] = sys.argv[1]
json.dump(family, sys.stdout, indent=2)' "$time" "${@:2}" | family_put pos1
  service_kill zynclone-broker
  run_until vmclone list
}

# Where more would take long: of clones that never run.
short_lifetime() {
  part "A clone for some time"
  vmclone create pos1 --name kept --no-start --ttl 2h --wait >/dev/null
  vmclone create pos1 --name brief --no-start --ttl 2h --wait >/dev/null
  run vmclone protect pos1 kept --wait
  expect_status 0 "one is protected"
  comes_to_be '-1 second' brief kept
  run_until is_removed brief
  expect_status 0 "when its time is over, a clone is removed"
  run is_warned_of brief
  expect_status 0 "which the audit log has warned of"
  expect_same inactive "$(state_of kept)" "the protected one stays"
  run vmclone unprotect pos1 kept --wait
  run_until is_removed kept
  expect_status 0 "until it is protected no longer"
  expect_nothing_left "nothing of them is left"
}

lifetime() {
  ((${#moments[@]} > 1)) || { short_lifetime; return 0; }
  part "A clone for some time"
  run zynclone clone create --name brief --no-start --ttl 59s --wait
  expect_status 2 "none is made for less than a minute"
  expect_output 'cannot create a clone for 59 s: 60 s to 3650 days are allowed' "and why is said"
  # The one that goes last is made first: a layer of a qcow2 disk, on which others stand, stays.
  vmclone create pos1 --name works --mode online --ttl 2h --wait >/dev/null
  vmclone create pos1 --name kept --no-start --ttl 2h --wait >/dev/null
  run zynclone clone create --name brief --no-start --ttl 2h --wait
  expect_status 0 "a guest makes one for two hours"
  run vmclone show pos1 brief
  expect_output '^  expires +20[0-9-]+ [0-9:]+$' "when it goes is shown"
  run vmclone protect pos1 kept --wait
  expect_status 0 "another is protected"
  expect_output '^clone kept is protected against removal$' "which is said"
  run vmclone show pos1 kept
  expect_output 'expires .*, but not while it is protected' "and shown"
  run vmclone remove pos1 kept --wait
  expect_status 6 "nobody removes it"
  expect_output "cannot remove clone 'kept': it is protected; unprotect it first" "and why is said"
  run is_warned_of brief
  expect_status 1 "two hours before nobody is warned"

  comes_to_be '+30 minutes' brief kept works
  run_until is_warned_of brief
  expect_status 0 "half an hour before its end the audit log warns"
  run is_warned_of kept
  expect_status 1 "and not of one that is protected"
  expect_same inactive "$(state_of brief)" "it is still there"

  part "Its time is over"
  run_until agent_answers works
  vmclone cutover start pos1 works --wait >/dev/null
  run vmclone cutover commit pos1 --wait
  expect_status 0 "a third has production meanwhile"
  comes_to_be '-1 second' brief kept works
  run_until is_removed brief
  expect_status 0 "the clone is removed"
  run vmclone operation list pos1
  expect_output 'clone\.remove +pos1 +brief +succeeded +broker' "by the broker"
  expect_same inactive "$(state_of kept)" "the protected one stays"
  expect_same running "$(state_of works)" "so does the one that has production"
  run vmclone unprotect pos1 kept --wait
  expect_status 0 "it is protected no longer"
  run_until is_removed kept
  expect_status 0 "and goes at once"
  vmclone cutover start pos1 pos1 --wait >/dev/null
  run vmclone cutover commit pos1 --wait
  expect_status 0 "production goes back to the original"
  service_kill zynclone-broker  # or it looks once in a minute
  run_until has_stopped works
  expect_status 0 "the third is shut down"
  service_kill zynclone-broker
  run_until is_removed works
  expect_status 0 "and removed, though the broker died in between"
  run_until zynclone family show
  expect_nothing_left "nothing of them is left"
}
