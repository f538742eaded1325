# A clone made live: the till goes on selling, the clone goes on from the same instant and stays silent until its agent has taken its identity.

live() {
  part "A live clone"
  live_count_begin pos1
  live_console_begin
  run zynclone clone create --mode live --name alive --wait
  expect_status 0 "the command succeeds"
  expect_output '✓ published lockdown, generation [0-9]+ \(acknowledged by .+\)$' "lockdown was acknowledged"
  expect_output '✓ copied the memory \([0-9.]+ [KMG]iB.*\) and 1 disk of pos1; it was paused [0-9.]+ s$' "memory and disk were copied, and the pause is said"
  printf '        %s\n' "$(grep -o 'it was paused.*' <<<"$output")"
  expect_output '✓ alive has taken its identity \([1-9][0-9]* hooks?\)$' "its agent has taken its identity"
  expect_output '^clone alive is running: interfaces 0 disabled \(mask 0x0\), memory and disks as of one instant$' "the last line says what is"
  live_count_expect pos1 alive
  live_console_expect alive
  expect_same live "$(vmclone show pos1 alive --json | field consistency)" "the administrator sees that it is live"
  expect_same false "$(vmclone show pos1 alive --json | field awaits_identity)" "and that it awaits nothing"
  expect_same disabled "$(clone_filter)" "its interface is disabled at the backend"
  expect_same '' "$(memory_images)" "no image of its memory is left"
  run zynclone family show
  expect_status 0 "the original is served"
  run_until agent_answers alive
  expect_status 0 "and the clone, by an agent of its own"
  run vmclone stop pos1 alive --wait
  expect_status 0 "it is stopped"
  run vmclone start pos1 alive --wait
  expect_status 0 "and starts again from its disks"
  stop_and_remove alive >/dev/null
  expect_nothing_left "nothing of it is left"
  live_reboot pos1
  live_refusals
}

# A shell waits at the guest's console, as an administrator may have left it who looks for a fault.
live_console_begin() {
  ! declare -F console_says >/dev/null || console_says pos1 'asked=4711; echo asked-$asked' asked-4711 >/dev/null
}
live_console_expect() { # CLONE
  declare -F console_says >/dev/null || { skip "a live clone's console" "a pretended guest has none"; return 0; }
  run console_says "pos1.$1" 'touch /run/at-console; echo still-$asked' still-4711
  expect_status 0 "its console answers, and its shell knows what was typed into the original's before"
  run in_member "$1" 'test -e /run/at-console'
  expect_status 0 "what is typed there happens in the clone"
  run in_member '' 'test ! -e /run/at-console'
  expect_status 0 "and not in the original"
}

# What watches over the original must not take its suspension for its end.
live_reboot() {
  declare -F vm_reboot >/dev/null || { skip "$1 is started anew when its guest reboots" "a pretended guest does not"; return 0; }
  run vm_reboot "$1"
  expect_status 0 "$1 is started anew when its guest reboots"
  run_until guest "$1" zynclone family show
  expect_status 0 "and served"
}

# The second guest, which on Xen is PVH: its memory is copied while it runs.
live_second() {
  part "A live clone of the second guest"
  live_count_begin pos2
  run vmclone create pos2 --name alive --mode live --wait
  expect_status 0 "the command succeeds"
  expect_output '✓ copied the memory \([0-9.]+ [KMG]iB.*\) and 1 disk of pos2; it was paused [0-9.]+ s$' "memory and disk were copied, and the pause is said"
  printf '        %s\n' "$(grep -o 'it was paused.*' <<<"$output")"
  expect_output '✓ alive has taken its identity \([1-9][0-9]* hooks?\)$' "its agent has taken its identity"
  live_count_expect pos2 alive
  expect_same '' "$(memory_images)" "no image of its memory is left"
  run_until guest pos2 zynclone family show
  expect_status 0 "the original is served"
  vmclone stop pos2 alive --wait >/dev/null
  vmclone remove pos2 alive --wait >/dev/null
  expect_nothing_left "nothing of it is left"
  live_reboot pos2
  live_after_suspension
}

# A channel that was open while the VM was suspended by hand is never given back; what it is advertised by is, or each copy would wait for it.
live_after_suspension() {
  declare -F vm_suspend >/dev/null || { skip "a live clone after a suspension by hand" "a pretended guest has no event channels"; return 0; }
  part "The agent of a VM that was suspended by hand"
  run vm_suspend pos2
  expect_status 0 "pos2 is suspended, and goes on"
  run_until guest pos2 zynclone family show
  expect_status 0 "its agent is served as before"
  run_until vm_advertises pos2
  expect_status 0 "by what it advertises"
  vm_notice pos2 write 1
  is_silent() { vm_advertises pos2; (($? == 1)); }  # and not that nobody answers
  run_until is_silent
  expect_status 0 "before its memory is copied it takes back what it advertises"
  vm_notice pos2 rm
  run_until guest pos2 zynclone family show
  expect_status 0 "and is served again afterwards"
  vm_crash pos2
  vm_start pos2
  run_until guest pos2 zynclone family show
  expect_status 0 "and when it is started anew"
}

live_refusals() {
  run zynclone clone create --mode live --name alive --no-start --wait
  expect_status 2 "a live clone that shall not start is refused"
  expect_output 'its memory is not kept' "and why is said"
  run vmclone create pos1 --mode live --name alive --plan
  expect_status 0 "a plan"
  expect_output 'copy the memory and 1 disk of pos1, which is paused for the last of it' "says what it pauses"
  expect_nothing_left "and does nothing"
}

# The shop's till while it is cloned: the customer sees the pause, no sale is lost, and the clone has a copy of the sales.
live_shop() {
  part "A till is cloned live while it sells"
  shop_open
  sells() { (($(shop_sales | wc -l) > ${1:-0})); }
  run_until sells
  expect_status 0 "the till sells"
  local before
  before=$(shop_sales | wc -l)
  run vmclone create pos1 --name alive --mode live --wait
  expect_status 0 "a live clone is made of it"
  expect_output '✓ copied the memory \(.*\) and 2 disks of pos1; it was paused' "with a copy of the sales volume"
  printf '        %s\n' "$(grep -o 'it was paused.*' <<<"$output")"
  local paused
  paused=$(sed -n 's/.*it was paused \([0-9.]*\) s$/\1/p' <<<"$output")
  run_until sells "$((before + 20))"
  expect_status 0 "the till goes on selling"
  run vmclone cutover start pos1 alive --wait
  expect_status 6 "the clone cannot take over"
  expect_output "a copy of volume 'sales' of its own at 'xvds'" "and why is said"
  stop_and_remove alive >/dev/null
  run shop_close
  expect_status 0 "every sale that was answered is on the volume once, in order"
  local gap
  gap=$(sed -n 's/.*longest gap \([0-9]*\) ms$/\1/p' <<<"$output")
  output="paused $paused s, longest gap $gap ms"
  # Two wishes are 50 ms apart, so the customer may miss that much of it.
  if awk -v paused="$paused" -v gap="$gap" 'BEGIN { exit !(paused > 0 && paused * 1000 <= gap + 100) }'; then ok "the customer saw a pause at least as long as is said"
  else not_ok "the customer saw a pause at least as long as is said"; fi
  shop_clear
  run_until zynclone family show
  expect_nothing_left "nothing of it is left"
}

live_crashes() {
  part "The broker is killed at every step of a live clone"
  local point step moment steps
  steps_to_try 'copy memory and disks' 'restore paused' identity -- record 'publish running' 'remove memory image' unpause
  for step in "${steps[@]}"; do
    for moment in "${moments[@]}"; do
      point="clone.create/$step/$moment"
      set_fault "$point"
      run vmclone create pos1 --name crash --mode live --wait
      fault_was_met || not_ok "the broker came by $point"
      expect_status 0 "killed at $point: the clone is made"
      expect_same $'pos1\npos1.crash\npos2' "$(domains)" "its domain runs once"
      expect_same '' "$(memory_images)" "no image is left"
      run_until zynclone family show
      expect_status 0 "and the original runs"
      stop_and_remove crash >/dev/null
      expect_nothing_left "and nothing is left of it afterwards"
    done
  done
}
