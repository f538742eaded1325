# Bad luck around a cutover, as it happens: hooks that refuse, a volume that is full or was unmounted by hand, an agent that hangs, a VM that is
# gone with its volume in use, somebody who holds the till still, and somebody else on the volume. Each ends with one member in production and a
# till that sells, some of them by `vmclone repair`.

no_paper=/tmp/zynclone-e2e-no-paper.$$  # in the standby

bad_luck() {
  part "Bad luck in a cutover"
  shop_begins
  vm_setting pos1 'health_timeout = 2s'
  hook pos1 health 50-printer "[ \"\$ZYNCLONE_ROLE\" = original ] || test ! -e $no_paper || { echo 'no paper'; exit 9; }"
  vmclone create pos1 --name standby --mode online --wait >/dev/null
  run_until both_answer
  refusing_hook
  standby_that_is_unwell
  volume_in_disorder
  agent_that_hangs
  vm_that_is_gone
  vm_that_reboots
  till_that_stands_still
  deaths_on_the_way
  shop_closes_and_a_stranger_comes
}
cut_over_to_standby() {
  run vmclone cutover start pos1 standby --wait
  expect_status 0 "$1"
  run_until sold_by_another
  sells_on
  expect_status 0 "standby sells"
}
cut_back() {
  run vmclone cutover undo pos1 --wait
  expect_status 0 "$1"
  sells_on
  expect_status 0 "the original sells"
  run_until both_answer
}

refusing_hook() {
  hook pos1 release-volume 10-drawer 'echo "the drawer is open"; exit 7'
  run vmclone cutover start pos1 standby --wait
  expect_status 1 "a hook that fails keeps the volume where it is"
  expect_output 'the drawer is open' "and says why"
  expect_same pos1 "$(production_now)" "the original has production"
  sells_on
  expect_status 0 "and sells on"
  hook pos1 release-volume 10-drawer ''
}

standby_that_is_unwell() {
  in_member standby "touch $no_paper" >/dev/null
  run vmclone cutover start pos1 standby --wait
  expect_status 1 "a standby whose health hook fails does not keep production"
  expect_output "cannot leave production to 'standby': its health check '50-printer' fails: .*no paper" "and which, and why, is said"
  expect_same pos1 "$(production_now)" "the original has it"
  sells_on
  expect_status 0 "and sells on"
  in_member standby "rm $no_paper" >/dev/null
  run_until both_answer
}

# What is done to the file system of a shared volume happens on a real one only.
volume_in_disorder() {
  declare -F shop_fill >/dev/null || { skip "a shared volume that is full or unmounted by hand" "no file system is mounted here"; return 0; }
  shop_fill
  run vmclone cutover start pos1 standby --wait
  expect_status 0 "a volume that is full is moved"
  shop_drain
  sells_on
  expect_status 0 "standby sells when there is room"
  cut_back "and moved back"
  shop_unmount
  cut_over_to_standby "one that was unmounted by hand is moved"
  cut_back "and moved back"
}

# It neither answers nor ends: what it holds is taken by force, and it stands still from then on.
agent_that_hangs() {
  agent_signal pos1 STOP
  cut_over_to_standby "from a member whose agent hangs production is moved"
  run vmclone operation show "$(vmclone operation list pos1 --json | field operations.0.id)"
  expect_output '✓ held pos1 still, as its agent is silent' "it is held still"
  expect_output '✓ took volume sales from pos1 by force \(.*\): what pos1 had not written is lost' "and what was risked is said"
  vm_crash pos1
  cut_back "its VM is given up and started anew to take production back"
}

vm_that_is_gone() {
  vm_crash pos1
  cut_over_to_standby "from a member that is gone production is moved, with the volume as it was left"
  vm_crash pos1.standby
  run vmclone repair pos1 --plan
  expect_output 'start standby, which does not run' "then the clone is gone, too, and repair shows what it would do"
  expect_repaired standby "and does it: the clone runs" '✓ standby is started'
  cut_back "and production is moved back, to a VM that is started for it"
}

# Who has production is led back to work.
expect_repaired() { # MEMBER TEXT REGEX
  run vmclone repair pos1 --yes --wait
  expect_status 0 "$2"
  expect_output "$3" "it says what it did"
  expect_output "^$1 has production and its volumes\$" "and who has production"
  run_until has_volume "$1"
  expect_status 0 "with its volume"
  sells_on
  expect_status 0 "the till sells"
}

# Somebody has paused its VM, and forgotten it.
till_that_stands_still() {
  run vmclone repair pos1 --plan
  expect_output '^  nothing needs to be done$' "the plan for a VM that is well says so"
  run vmclone repair pos1 --yes --wait
  expect_output '^nothing to repair: pos1 has production and its volumes$' "where all is well there is nothing to repair"
  vm_pause pos1
  run vmclone repair pos1 --plan
  expect_output 'let pos1 go on, which is paused' "repair finds a till that somebody holds still"
  expect_repaired pos1 "and lets it go on" '✓ pos1 goes on'
}

# A few of the moments of cutover_crashes, agent_crashes and guest_crashes, for those hosts on which all of them take too long.
deaths_on_the_way() {
  set_fault 'cutover.start/acquire sales/acted'
  cut_over_to_standby "the broker is killed: production is moved"
  fault_was_met || not_ok "the broker came by the volume's step"
  cut_back "and moved back"
  ((${#moments[@]} == 1)) || harm_at_step agent_dies "loses its agent" come_home pos1.standby start 5
  harm_at_step vm_crash crashes start_and_come_home pos1.standby start 5
  sells_on
  expect_status 0 "the original sells"
}

# Who watches over its domain starts it again with the volume that was attached to it; it is mounted again.
vm_that_reboots() {
  declare -F vm_reboot >/dev/null || { skip "the original reboots while it sells" "a pretended guest does not"; return 0; }
  vm_reboot pos1
  expect_status 0 "it reboots while it sells"
  run_until has_volume pos1
  sells_on
  expect_status 0 "and sells again"
  run_until both_answer
}

# From here on nobody watches, who would rightly complain.
shop_closes_and_a_stranger_comes() {
  shop_counts
  vm_crash pos1
  run_until stranger_takes_volume pos2
  expect_status 0 "while no VM has it, somebody gives it to another by hand"
  run vmclone cutover start pos1 standby --wait
  expect_status 1 "now nothing is moved"
  expect_output "domain [0-9]+ has it as xvdq; detach it there first" "and it is said who and how"
  expect_same pos1 "$(production_now)" "the original keeps production"
  run vmclone volume list pos1
  expect_output 'domain [0-9]+' "the list of volumes says so, too"
  run vmclone repair pos1 --plan
  expect_output 'take volume sales by force from every domain but that of pos1' "repair shows what it would do"
  customer_comes
  expect_repaired pos1 "and does it" '✓ took volume sales by force from domain [0-9]+: what it had not written is lost'
  run vmclone volume list pos1
  expect_no_output 'domain [0-9]+' "the list of volumes is in order"
  customer_goes
  hook pos1 health 50-printer ''
  shop_goes
}
