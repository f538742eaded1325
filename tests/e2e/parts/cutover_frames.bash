# What the network sees of a cutover and its undo, while the till sells: who sends, in which order, and who is told.

# It announces that the address is its own.
silenced_speaks() { # MEMBER ADDRESS
  local sent=/sys/class/net/eth0/statistics/tx_packets
  run in_member "$1" "before=\$(cat $sent); busybox arping -U -c 3 -I eth0 $2; echo sent \$((\$(cat $sent) - before))"
  expect_output 'sent [1-9][0-9]*$' "who is silenced speaks"
}

cutover_frames() {
  declare -F capture_senders >/dev/null || { skip "who sends in a cutover, and who is told" "there are no frames here"; return 0; }
  part "The frames of a cutover"
  local address old new senders each
  shop_begins
  vmclone create pos1 --name standby --mode online --wait >/dev/null
  run_until both_answer
  address=$(address_of pos1) old=$(vmclone show pos1 --json | field vifs.0.mac) new=$(vmclone show pos1 standby --json | field vifs.0.mac)
  # The lab's guests announce their address themselves for a while after they have started: what is to be heard is the host's word.
  for each in '' standby; do in_member "$each" 'pkill -f "[b]usybox arping"' >/dev/null 2>&1; done
  capture_begin
  sells_on
  expect_status 0 "the original sells while captures run"
  expect_same 0 "$(capture_announced "$old" "$address")" "nobody announces its address meanwhile"

  run vmclone cutover start pos1 standby --wait
  expect_status 0 "production moves"
  run_until sold_by_another
  sells_on
  expect_status 0 "the clone sells"
  has_announced() { (($(capture_announced "$1" "$address") > 0)); }
  run_until has_announced "$new"
  expect_status 0 "pos2 was told that $address is the clone's now"
  silenced_speaks '' "$address"
  senders=$(capture_senders "$old" "$new")
  expect_same "$old $new" "$(head -1 <<<"$senders")" "on the bridge the original was not heard again after the clone's first frame"
  output=$senders
  if [[ $(tail -1 <<<"$senders") =~ ^("$old "|)"$new"$ ]]; then ok "nor did pos2 hear it"; else not_ok "nor did pos2 hear it"; fi

  run vmclone cutover undo pos1 --wait
  expect_status 0 "undone"
  run_until sold_by "$original"
  sells_on
  expect_status 0 "the original sells"
  run_until has_announced "$old"
  expect_status 0 "pos2 was told that $address is the original's again"
  silenced_speaks standby "$address"
  expect_same "$old $new $old" "$(capture_senders "$old" "$new" | head -1)" "on the bridge the clone was not heard again after the original's first frame"
  capture_end
  shop_ends 'gap between domain'
}
