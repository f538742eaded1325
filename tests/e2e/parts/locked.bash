# A clone that may speak as listed only: from its own MAC, with the addresses that its VM's file names.

locked() {
  part "A locked network"
  local address=10.9.0.77 mac
  put_file etc/xen/clone/guest/pos1.conf "$(printf '%s\n' clone_vif_mask=0x1 clone_vif_mode=locked "clone_ipv4=$address")"
  ! declare -F capture_begin >/dev/null || capture_begin
  run zynclone clone create --mode online --name teller --plan
  expect_output 'wait until it is applied: interfaces 0 locked \(mask 0x1\)$' "the plan says what a clone may do"
  run zynclone clone create --mode online --name teller --wait
  expect_status 0 "a guest makes a clone that may speak as listed"
  expect_output '^clone teller is running: interfaces 0 locked \(mask 0x1\), ' "its summary says so"
  mac=$(vmclone show pos1 teller --json | field vifs.0.mac)
  run vmclone show pos1 teller
  expect_output "interfaces +0 locked $mac" "show, too"
  expect_same locked "$(clone_filter)" "its interface is locked at the backend"
  expect_same "$mac"$'\n'"$address" "$(clone_speaks_as)" "to its own MAC and the listed address, and nothing else"
  run_until agent_answers teller
  expect_status 0 "it has booted"
  if declare -F locked_expect_frames >/dev/null; then
    locked_expect_frames teller "$address"
    capture_end
  else
    skip "which frames of a locked clone pass" "there are no frames here"
  fi
  service_kill clone-net-monitor
  put_file etc/xen/clone/guest/pos1.conf ''
  run zynclone clone create --name silent --no-start --wait
  expect_status 0 "another clone, after the monitor's death and with nothing listed any more"
  expect_same "$mac"$'\n'"$address" "$(clone_speaks_as)" "leaves the first as it was made"
  vmclone remove pos1 silent --wait >/dev/null
  stop_and_remove teller >/dev/null
  expect_nothing_left "nothing of it is left"
}
