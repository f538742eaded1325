# Clones on a network of their own: they reach each other, and neither the original nor the host nor anybody on the real bridge.

isolated() {
  part "An isolated network"
  run zynclone clone create --name apart-1 --network isolated --plan
  expect_output "wait until it is applied: interfaces 0 unlocked on the isolated network" "the plan says so"
  run zynclone clone create --name apart-1 --network isolated --wait
  expect_status 0 "a guest makes an isolated clone"
  expect_output 'interfaces 0 unlocked on the isolated network' "its summary says so"
  run vmclone create pos1 --name apart-2 --network isolated --wait
  expect_status 0 "an administrator makes another"
  run vmclone show pos1 apart-1
  expect_output 'network +isolated' "show says where it is"
  run vmclone list pos1
  expect_output 'apart-2 .*0 unlocked, isolated' "list, too"
  local name
  for name in apart-1 apart-2; do
    run_until agent_answers "$name"
    ((status == 0)) || run_until agent_answers "$name"  # a fourth guest takes its time in emulation
    expect_status 0 "$name has booted"
  done
  both_stand_there() { [[ $(isolated_ports) == 2 ]]; }
  run_until both_stand_there
  expect_status 0 "both stand on the family's bridge, and nothing else does"
  if declare -F isolated_expect_apart >/dev/null; then
    isolated_expect_apart apart-1 apart-2
  else
    skip "who hears whom on the isolated network" "there are no frames here"
  fi
  if declare -F clone_reboot >/dev/null; then
    clone_reboot apart-2
    expect_status 0 "one of them reboots"
    run_until both_stand_there
    run_until agent_answers apart-2
    expect_status 0 "and stands there again"
  else
    skip "an isolated clone reboots" "a pretended guest does not"
  fi

  part "An isolated clone takes over"
  service_kill clone-net-monitor
  run vmclone cutover start pos1 apart-1 --wait  # who asks in the guest is cut off
  expect_status 0 "a cutover to it"
  expect_same 1 "$(isolated_ports)" "it stands where the original stands"
  run vmclone stop pos1 apart-2 --wait
  run vmclone remove pos1 apart-2 --wait
  expect_status 0 "the other is removed meanwhile"
  run vmclone cutover undo pos1 --wait
  expect_status 0 "undone"
  expect_same 1 "$(isolated_ports)" "it is back on the isolated network, alone"
  run vmclone stop pos1 apart-1 --wait
  run vmclone remove pos1 apart-1 --wait
  bridge_is_gone() { [[ -z $(isolated_bridges) ]]; }
  run_until bridge_is_gone
  expect_status 0 "its bridge is gone with the last of them"
  expect_nothing_left "nothing of it is left"

  part "Configured to be isolated"
  put_file etc/xen/clone/guest/pos1.conf clone_network=isolated
  run zynclone clone create --name out --network original --no-start --wait
  expect_status 3 "a guest may not choose the original's network then"
  run zynclone clone create --name in --no-start --wait
  expect_status 0 "what it makes is isolated"
  expect_same isolated "$(vmclone show pos1 in --json | field network)" "and that is kept"
  vmclone remove pos1 in --wait >/dev/null
  put_file etc/xen/clone/guest/pos1.conf ''
  expect_nothing_left "nothing of it is left"
}
