# A shop that sells meanwhile: cutover, upgrade, rehearsal, and the broker killed in a cutover.

# pos1 has its volume and sells.
shop_begins() {
  shop_open
  run_until has_volume pos1
  expect_status 0 "the original has its shared volume"
  first_sale() { [[ -n $(shop_sales) ]]; }
  run_until first_sale
  sells_on
  expect_status 0 "and sells"
  original=$(last_seller)
}
shop_with_standby() {
  shop_open
  run_until has_volume pos1
  vmclone create pos1 --name standby --mode online --wait >/dev/null
}
# After a part in which a standby took part. With a REGEX, a line like it must be in the report.
shop_ends() {
  shop_counts "$@"
  shop_goes
}
shop_counts() {
  run shop_close
  expect_status 0 "every sale that was answered is on the volume, once and in order; never two had it, never two answered"
  [[ -z ${1:-} ]] || expect_output "$1" "the gaps are known"
  sed 's/^/        /' <<<"$output"
}
shop_goes() {
  stop_and_remove standby >/dev/null 2>&1  # one whose VM died need not be stopped
  shop_clear
  run_until zynclone family show
  expect_nothing_left "nothing of it is left"
}
sells_on() { # 20 times more than now
  local before
  before=$(shop_sales | wc -l)
  sold_more() { (($(shop_sales | wc -l) >= before + 20)); }
  run_until sold_more
}

has_volume() { [[ $(vmclone volume list pos1 --json | field volumes.0.holder) == "$1" && $(vmclone volume list pos1 --json | field volumes.0.attached) == true ]]; }

last_seller() { shop_sales | tail -1 | awk '{print $4}'; }
sold_by() { [[ $(last_seller) == "$1" ]]; }
sold_by_another() { [[ $(last_seller) != "$original" ]]; }

goes_back() {
  run vmclone cutover start pos1 pos1 --wait
  expect_status 0 "production goes back to the original"
  run vmclone cutover commit pos1 --wait
  run_until sold_by "$original"
  sells_on
  expect_status 0 "which sells"
}

# The guest asks and is told the steps; over a network it would be cut off with its VM, so there the administrator watches.
guest_asks() { # cutover start|undo …, TEXT
  if declare -F capture_begin >/dev/null; then
    run zynclone "${@:1:$#-1}"
    expect_status 0 "the guest asks: ${!#}"
    run vmclone operation watch "$(vmclone operation list pos1 --json | field operations.0.id)"
  else
    run zynclone "${@:1:$#-1}" --wait
  fi
  expect_status 0 "${!#}"
}

# The till's printer goes with it; on real Xen that is a part of its own (peripherals).
counter_comes() {
  [[ $counter_kind == pretended ]] || return 0
  printer_plug
  vm_setting pos1 'peripheral.printer = usb,04b8:0202:LP1'
  service_kill zynclone-broker
  printer_is_with pos1
}
printer_is_with() {
  [[ $counter_kind == pretended ]] || return 0
  run_until printer_with "$1"
  expect_status 0 "the printer is with $1"
}
counter_goes() { [[ $counter_kind != pretended ]] || printer_unplug; }

# The upgrade of a shop's till while it sells: a standby takes over, and gives back or stays.
cutover() {
  part "A shop that stays open"
  shop_begins
  counter_comes
  run zynclone clone create --mode online --name standby --wait
  expect_status 0 "a clone is made meanwhile"
  run_until agent_answers standby
  guest_asks cutover start standby "the clone takes production over"
  expect_output '✓ pos1 let go of volume sales$' "the volume was given up"
  expect_output '✓ took volume sales from pos1$' "and taken"
  expect_output '✓ locked pos1 down, generation [0-9]+ \(acknowledged by .+\)$' "then the original was silenced"
  expect_output '✓ standby has production, generation [0-9]+ \(acknowledged by .+\)$' "before the clone may speak"
  expect_output '^standby has production; unless committed or undone before, it is undone at ' "the probation is said"
  run_until sold_by_another
  sells_on
  expect_status 0 "the clone sells"
  printer_is_with pos1.standby
  run vmclone cutover show pos1
  expect_output 'standby' "the administrator sees who has production"
  run vmclone stop pos1 standby --wait
  expect_status 6 "the one that works is not stopped"
  guest_asks cutover undo "the cutover is undone"
  run_until sold_by "$original"
  sells_on
  expect_status 0 "the original sells again"
  printer_is_with pos1
  run vmclone cutover start pos1 standby --wait
  expect_status 0 "another cutover"
  # Of a commit nobody is cut off: at pos1's address is the clone now.
  run_until guest pos1 zynclone family show
  run zynclone cutover commit --wait
  expect_status 0 "is committed by the guest, who waits for it"
  expect_output '^standby has production for good$' "and is told who has production"
  goes_back
  counter_goes
  shop_ends 'gap between domain'
}

probation() {
  ((${#moments[@]} > 1)) || { skip "a probation that nobody ends" "time is the broker's own, and core_test has it"; return 0; }
  part "A probation that nobody ends"
  shop_begins
  vmclone create pos1 --name standby --mode online --wait >/dev/null
  run_until both_answer
  run vmclone cutover start pos1 standby --probation 10s --wait
  expect_status 0 "production is moved for ten seconds"
  run_until sold_by_another
  service_kill zynclone-broker
  run_until sold_by "$original"
  sells_on
  expect_status 0 "the original sells again, though the broker died meanwhile"
  run vmclone operation list pos1
  expect_output 'cutover\.undo +pos1 +.*succeeded +broker' "the broker has undone the cutover"
  run_until both_answer
  run vmclone cutover start pos1 standby --probation 10s --after commit --wait
  expect_status 0 "moved again, to be committed"
  is_committed() { vmclone operation list pos1 | grep -qE 'cutover\.commit +pos1 +.*succeeded +broker'; }
  run_until is_committed
  expect_status 0 "it is"
  expect_same standby "$(production_now)" "and stays"
  goes_back
  shop_ends 'gap between domain'
}

# Where all moments are tried: in emulation it would take too long, and core_test does it at every write of the journal.
cutover_crashes() {
  ((${#moments[@]} > 1)) || { skip "the broker is killed at every step of a cutover" "in emulation that takes too long; bad_luck has a few"; return 0; }
  part "The broker is killed at every step of a cutover"
  local step moment point
  shop_with_standby
  for step in 'prepare taking' 'prepare leaving' fence 'release sales' silence 'detach sales' 'silence acknowledged' 'hand over' 'acquire sales' \
    'hand over acknowledged' health probation; do
    for moment in "${moments[@]}"; do
      point="cutover.start/$step/$moment"
      set_fault "$point"
      run vmclone cutover start pos1 standby --wait
      fault_was_met || not_ok "the broker came by $point"
      expect_status 0 "killed at $point: production is moved"
      run vmclone cutover undo pos1 --wait
      expect_status 0 "and moved back"
    done
  done
  shop_ends
}

# Commands run in the guest, in the sandbox on this machine: what they leave has the VM's name in it.
mark=/tmp/zynclone-e2e-pos1.$$
in_pos1() { guest pos1 sh -c "$1"; }

# An upgrade tried in a clone that nobody sees.
rehearsal() {
  part "A rehearsal"
  run vmclone run pos1 -- sh -c 'echo "one [a,b] word"'
  expect_status 0 "a command runs in the guest"
  expect_output "^'sh -c .*' has run in pos1: one \[a,b\] word$" "and its last line is shown"
  run vmclone run pos1 -- sh -c 'echo no space left; exit 3'
  expect_status 1 "one that fails fails"
  expect_output 'exit status 3: no space left' "with its status and last line"
  run vmclone run pos1 --limit 1s -- sleep 100
  expect_output 'it took longer than 1s and was killed' "one that takes too long is killed"
  run vmclone rehearse pos1 -- sh -c 'echo in $ZYNCLONE_ROLE $ZYNCLONE_VM'
  expect_status 0 "a command is rehearsed"
  expect_output 'has run in rehearsal-[0-9a-z]{6}: in clone pos1$' "in a clone, not in the original"
  expect_output 'it succeeds, and its clone is well afterwards$' "and the report says how it went"
  expect_nothing_left "nothing of it is left"
  run vmclone rehearse pos1 --mode live -- sh -c 'echo in $ZYNCLONE_ROLE $ZYNCLONE_VM'
  expect_status 0 "so it is in a copy of its memory, too"
  expect_output 'has run in rehearsal-[0-9a-z]{6}: in clone pos1$' "which has another identity, on the isolated network"
  expect_nothing_left "nothing of it is left"
  set_fault agent.run/run/acted
  run vmclone run pos1 -- sh -c 'echo once'
  fault_was_met || not_ok "the broker came by there"
  expect_status 0 "a broker that dies meanwhile finds out what became of the command"
  expect_output 'has run in pos1: once' "and does not run it again"
}

rehearsal_fails() {
  part "A rehearsal that fails"
  run vmclone rehearse pos1 -- sh -c 'echo wrong version; exit 4'
  expect_status 1 "one that fails in the clone"
  expect_output "the rehearsal failed: .*exit status 4: wrong version" "is a failed rehearsal"
  expect_nothing_left "of which nothing is left either"
  hook pos1 health 50-till '[ "$ZYNCLONE_ROLE" = original ] || { echo "the till does not start"; exit 9; }'
  run vmclone rehearse pos1 --health-limit 1s -- true
  expect_status 1 "one after which the clone is not well"
  expect_output 'rehearsal-[0-9a-z]{6}. is not well: 50-till: .*the till does not start' "says which check fails, and why"
  expect_nothing_left "and leaves nothing"
  hook pos1 health 50-till ''
  run vmclone rehearse pos1 --keep --name look -- false
  expect_status 1 "one that is to be kept"
  expect_output 'clone look is kept for 70m' "is, for its time"
  expect_same running "$(state_of look)" "and may be looked into"
  stop_and_remove look >/dev/null
  expect_nothing_left "nothing of it is left"
}

# The original is upgraded while the shop sells on a clone of it.
upgrade() {
  part "An upgrade while the shop sells"
  local command="[ \"\$ZYNCLONE_ROLE\" = clone ] || echo done >>$mark"
  shop_begins
  run vmclone upgrade pos1 --plan -- sh -c "$command"
  expect_output 'move the till to standby: it stands still for a moment' "a plan says what would happen"
  run vmclone upgrade pos1 --limit 1m -- sh -c "$command"
  expect_status 0 "the upgrade succeeds"
  expect_output '^the till sells on standby; pos1 is upgraded, silent$' "each step says what happens to the till"
  expect_output '^the till sells on pos1, upgraded$' "the last line too"
  expect_same done "$(in_pos1 "cat $mark")" "the original is upgraded, once"
  run_until sold_by "$original"
  sells_on
  expect_status 0 "and sells"
  expect_same '' "$(vmclone list pos1 --json | field clones.0.name)" "no clone is left"
  in_pos1 "rm -f $mark"
  shop_ends
}

# Nobody is there who would undo it.
unwell() {
  part "A standby that dies on probation"
  shop_begins
  vmclone create pos1 --name standby --mode online --wait >/dev/null
  run_until both_answer
  run vmclone cutover start pos1 standby --wait
  expect_status 0 "production is moved"
  run_until sold_by_another
  sells_on
  expect_status 0 "the clone sells"
  vm_crash pos1.standby
  run_until sold_by "$original"
  ((status == 0)) || run_until sold_by "$original"  # found within 15 s, and 30 s unwell; in emulation the way back takes its time
  sells_on
  expect_status 0 "its VM dies: the original sells again, without anybody being asked"
  expect_same pos1 "$(production_now)" "it has production"
  run vmclone operation list pos1
  expect_output 'cutover\.undo +pos1 +.*succeeded +broker' "the broker has undone the cutover"
  run vmclone audit list --last 50
  expect_output 'broker +unwell on probation .*standby is not well' "and the audit log says why"
  shop_ends 'gap between domain'
}

upgrade_fails() {
  part "An upgrade that fails while the shop sells"
  shop_begins
  run vmclone upgrade pos1 -- sh -c 'echo wrong version; exit 4'
  expect_status 1 "one that fails when it is rehearsed"
  expect_output '^nothing has changed: the till sells on pos1$' "changes nothing"
  run vmclone upgrade pos1 --no-rehearsal --limit 1m -- sh -c 'echo half way; exit 5'
  expect_status 1 "one that fails in the original"
  expect_output '^the till sells on standby; pos1 is left as it is, for a look:$' "leaves the till with the standby"
  expect_same standby "$(vmclone cutover show pos1 --json | field production)" "which has production"
  expect_same '' "$(vmclone cutover show pos1 --json | field probation)" "for good"
  run_until sold_by_another
  sells_on
  expect_status 0 "and sells"
  run vmclone upgrade pos1 -- true
  expect_status 6 "another upgrade waits until the till is back"
  goes_back  # as the last line said
  shop_ends
}
