# Programs are killed: the broker at every step boundary, everything under a guest, and a guest without vchan.

crashes() {
  part "The broker is killed at every step boundary"
  local point step moment steps
  steps_to_try 'snapshot xvda' 'publish running' 'start paused' -- record quiesce thaw unpause
  for step in "${steps[@]}"; do
    for moment in "${moments[@]}"; do
      point="clone.create/$step/$moment"
      set_fault "$point"
      # The command itself waits over the broker's restart.
      run vmclone create pos1 --name crash --mode online --wait
      fault_was_met || not_ok "the broker came by $point"
      expect_status 0 "killed at $point: the clone is made"
      expect_same $'pos1\npos1.crash\npos2' "$(domains)" "its domain runs once"
      stop_and_remove crash >/dev/null
      expect_nothing_left "and nothing is left of it afterwards"
    done
  done
  steps_to_try 'remove volume xvda' -- 'publish removing' forget
  for step in "${steps[@]}"; do
    for moment in "${moments[@]}"; do
      point="clone.remove/$step/$moment"
      vmclone create pos1 --name crash --mode online --no-start --wait >/dev/null
      set_fault "$point"
      run vmclone remove pos1 crash --wait
      fault_was_met || not_ok "the broker came by $point"
      expect_status 0 "killed at $point: the clone is removed"
      expect_nothing_left "and nothing is left of it"
    done
  done
}

restarts() {
  part "Everything is killed under a guest"
  agent_kill pos1
  run_until zynclone family show
  expect_status 0 "after its agent's death the guest is served"
  links_kill
  run_until zynclone family show
  expect_status 0 "after its link's death too"
  service_kill clone-monitor
  service_kill clone-net-monitor
  run zynclone clone create --name again --wait
  expect_status 0 "monitors that were killed are back for the next clone"
  stop_and_remove again >/dev/null
  expect_nothing_left "nothing of it is left"
}

# The host's side is told by the VM's configuration, the guest's by its agent's. The clone comes up as its original is configured.
mailbox() {
  part "A guest without vchan"
  run_until zynclone family show
  put_file etc/xen/clone/guest/pos1.conf 'channel=mailbox'
  agent_transport pos1 mailbox
  service_kill zynclone-broker  # which looks at what is configured at its start, and once in a minute
  run_until zynclone family show
  expect_status 0 "it is served through its mailbox in XenStore"
  run link_commands
  expect_output '--transport mailbox' "its link says so"
  run zynclone clone create --name posted --wait
  expect_status 0 "it creates a clone"
  expect_output '✓ quiesced pos1 \([0-9.]+ s, 2 hooks.*\)$' "the broker's calls reach it too"
  run_until agent_answers posted
  expect_status 0 "the clone's own agent is connected, through a mailbox of its own"
  agent_kill pos1
  run_until zynclone family show
  expect_status 0 "after its agent's death it is served"
  links_kill
  run_until zynclone family show
  expect_status 0 "after its link's death too"
  service_kill zynclone-broker
  run_until zynclone family show
  expect_output 'posted' "after the broker's too"
  stop_and_remove posted >/dev/null
  put_file etc/xen/clone/guest/pos1.conf ''
  agent_transport pos1 usual
  service_kill zynclone-broker
  run_until zynclone family show
  expect_status 0 "and as before when it has its channel again"
  expect_nothing_left "nothing of it is left"
}
