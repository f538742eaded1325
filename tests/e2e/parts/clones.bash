# A guest asks for a clone: what it gets, its lockdown, its states; an offline one.

create() {
  part "A guest asks for a clone"
  run zynclone clone create --mode online --name upgrade-1 --wait
  expect_status 0 "the command succeeds"
  expect_output '^operation 01[0-9A-Z]{24} clone\.create pos1 → upgrade-1$' "it names the operation"
  expect_output '✓ allowed$' "policy allowed it"
  expect_output '✓ quiesced pos1 \([0-9.]+ s, 2 hooks.*\)$' "both hooks ran"
  expect_output '✓ snapshot .* → .* \(.*, [0-9.]+ [KMG]iB\)$' "the disk was copied"
  expect_output '✓ published lockdown, generation [0-9]+ \(acknowledged by .+\)$' "lockdown was acknowledged"
  expect_output '✓ started paused, locked down, unpaused$' "it started after that"
  expect_output '^clone upgrade-1 is running: interfaces 0 disabled \(mask 0x0\), disks filesystem-consistent$' "the last line says what is"
  expect_same running "$(state_of upgrade-1)" "the administrator sees it run"
  run zynclone family show
  expect_output 'upgrade-1' "the family has it"
  run_until agent_answers upgrade-1
  expect_status 0 "the clone's own agent is connected, as the clone"
  operation=$(zynclone operation list --json | field operations.0.id)
  run vmclone operation show "$operation"
  expect_output '\.policy:[0-9]+' "the administrator sees which rule decided"
  run zynclone operation show "$operation" --json
  expect_no_output 'policy|decision' "the guest does not"
}

lockdown() {
  part "Lockdown"
  expect_same disabled "$(clone_filter)" "the clone's interface is disabled at the backend"
}

states() {
  part "States"
  run zynclone clone stop upgrade-1 --wait
  expect_status 0 "stop"
  expect_same active "$(state_of upgrade-1)" "a stopped clone is active"
  run zynclone clone deactivate upgrade-1 --wait
  expect_same inactive "$(state_of upgrade-1)" "deactivated it is inactive"
  run zynclone clone rename upgrade-1 rehearsal --wait
  expect_status 0 "rename"
  run zynclone clone activate rehearsal --wait
  expect_same active "$(state_of rehearsal)" "activated it is active"
  run vmclone start pos1 rehearsal --wait
  expect_same running "$(state_of rehearsal)" "started it runs"
  run zynclone clone remove rehearsal --wait
  expect_status 6 "a running clone is not removed"
  expect_output 'it is running; stop it first' "and that is said"
  run zynclone clone stop rehearsal --wait
  run zynclone clone remove rehearsal --wait
  expect_status 0 "a stopped one is"
  expect_nothing_left "nothing of it is left"
}

# Only where there are frames: a clone, which announces its address before its agent starts, boots while captures run: once silent as it should
# be, once allowed to speak, so that the same captures are known to see it.
captures() {
  declare -F capture_begin >/dev/null || { skip "not one frame of a clone" "there are no frames here"; return 0; }
  part "Not one frame"
  local mask mac counts
  both_saw() { counts=$(capture_count "$mac") && ! grep -qx 0 <<<"$counts"; }
  for mask in 0x0 0x1; do
    put_file etc/xen/clone/guest/pos1.conf "clone_vif_mask=$mask"
    capture_begin
    vmclone create pos1 --name seen --mode online --wait >/dev/null
    run_until agent_answers seen
    expect_status 0 "a clone with mask $mask has booted"
    mac=$(vmclone show pos1 seen --json | field vifs.0.mac)
    if [[ $mask == 0x0 ]]; then
      expect_same $'0\n0' "$(capture_count "$mac")" "neither the bridge nor pos2 saw one frame of it"
    else
      run_until both_saw
      expect_status 0 "both see a clone that may speak"
    fi
    capture_end
    stop_and_remove seen >/dev/null
  done
  put_file etc/xen/clone/guest/pos1.conf ''
  expect_nothing_left "nothing of it is left"
}

offline() {
  part "Offline"
  run vmclone create pos1 --name night --mode offline --wait
  expect_status 6 "a running VM is not cloned offline"
  expect_output 'it is running; shut it down, or use mode online' "and the way round it is named"
  vm_stop pos1
  run vmclone create pos1 --name day --mode online --wait
  expect_status 6 "nor online while it does not run"
  run vmclone create pos1 --name night --mode offline --wait
  expect_status 0 "one that is shut down is cloned offline"
  expect_output '^clone night is running: .* disks as they were when it was shut down$' "with its disks as they were"
  expect_same $'pos1.night\npos2' "$(domains)" "the clone runs, its original does not"
  stop_and_remove night >/dev/null
  vm_start pos1
  run_until zynclone family show
  expect_status 0 "the original starts again as it was"
  expect_nothing_left "nothing of it is left"
}
