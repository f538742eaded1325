# Devices of the host follow production: a printer that a cutover moves, that somebody unplugs, plugs in again, and gives away by hand.

peripherals() {
  part "Peripherals follow production (the printer is $counter_kind)"
  run counter_open
  expect_status 0 "there is a printer"
  run_until printer_with pos1
  expect_status 0 "the original, which has production, gets it"
  run_until printer_works pos1
  expect_status 0 "its guest finds it"
  run zynclone peripheral list
  expect_output '^pos1 +printer +usb +.*:LP1 +yes +pos1 +-$' "the list says so"
  expect_no_output 'bus|address|peripherals/' "and to a guest not where the host has it"
  run vmclone config check
  expect_status 0 "the configuration has no mistakes"
  vmclone create pos1 --name spare --mode online --wait >/dev/null
  run_until agent_answers spare
  run printer_with pos1.spare
  expect_status 1 "a clone has none"

  # Who asks from within pos1 may be cut off with it, so the administrator does.
  run vmclone cutover start pos1 spare --wait
  expect_status 0 "a cutover moves it"
  expect_output '✓ took peripheral printer from pos1$' "it is taken from the original"
  expect_output '✓ spare has peripheral printer$' "and given to the clone"
  run_until printer_works pos1.spare
  expect_status 0 "whose guest finds it"
  run printer_with pos1
  expect_status 1 "the original has it no more"
  run vmclone peripheral list pos1
  expect_output '^pos1 +printer .* yes +spare +.* +-$' "the list says so"

  run_until printer_by_hand pos1.spare pos1  # the broker may be quicker, and give it back between the two
  expect_status 0 "somebody gives it back by hand"
  run_until printer_with pos1.spare
  expect_status 0 "the broker gives it to who has production"

  printer_unplug
  is_unplugged() { vmclone peripheral list pos1 | grep -q unplugged; }
  run_until is_unplugged
  expect_status 0 "unplugged, it is said to be"
  run vmclone cutover undo pos1 --wait
  expect_status 0 "that holds no cutover up"
  expect_output '! pos1 does not have peripheral printer: it is unplugged' "it says what is missing"
  run printer_plug
  expect_status 0 "it is plugged in again"
  run_until printer_with pos1
  expect_status 0 "and where production is"

  vmclone cutover start pos1 spare >/dev/null
  printer_unplug
  moved() { [[ $(vmclone cutover show pos1 --json | field production) == spare && $(vmclone operation list pos1 --json | field operations.0.state) == succeeded ]]; }
  run_until moved
  expect_status 0 "unplugged during a cutover, it does not hold that up either"
  run printer_plug
  expect_status 0 "it is plugged in again"
  run_until printer_with pos1.spare
  expect_status 0 "and comes when it is plugged in again"
  run vmclone cutover undo pos1 --wait
  expect_status 0 "all goes back"
  run_until printer_with pos1
  expect_status 0 "the printer too"
  stop_and_remove spare >/dev/null
  run counter_close
  expect_nothing_left "nothing of it is left"
}
