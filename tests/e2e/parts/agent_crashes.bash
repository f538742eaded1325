# Bad luck in the guests: the agent of each side is killed, and each side's VM crashes, as a cutover, or its undo, comes by each of its steps. Whatever
# becomes of it, one member has production in the end, or `vmclone repair` says what is wrong and leads there; and no sale is lost.

# Asks for it ("start", "undo") and does the rest of the words when so many steps of it are done. Fails where they could not be done, or it had no such step.
cutover_and_at() {
  local verb=$1 count=$2 line seen=0 is_done=1 target=()
  shift 2
  [[ $verb == undo ]] || target=(standby)
  while read -r line; do
    [[ $line == *✓* ]] || continue
    seen=$((seen + 1))
    ((seen != count)) || { "$@" >/dev/null 2>&1 && is_done=0; }
  done < <(vmclone cutover "$verb" pos1 "${target[@]}" --wait 2>&1)
  return $is_done
}
production_now() { vmclone cutover show pos1 --json | field production; }
nothing_runs() { ! vmclone operation list pos1 --json | grep -qE '"state": *"(running|queued)"'; }

# Whoever has production now, the original has it again.
come_home() {
  run_until nothing_runs
  [[ $(production_now) == pos1 ]] && return 0
  run vmclone cutover undo pos1 --wait
  ((status == 0)) && return 0
  run vmclone repair pos1 --to pos1 --wait
}

# Does HARM to one side's VM when a STEP of a cutover, or of its undo, is done, then COMES_HOME.
harm_at_step() { # HARM TEXT COMES_HOME MEMBER start|undo STEP
  local harm=$1 text=$2 comes_home=$3 member=$4 verb=$5 step=$6
  local when="after step $step of $verb"
  # A standby that lost its agent in an undo is held still; the next cutover lets it go on.
  if [[ $verb == undo ]]; then run_until vmclone cutover start pos1 standby --wait
  else run_until both_answer; fi
  ((status == 0)) || not_ok "$member $text $when: all is well before"
  cutover_and_at "$verb" "$step" "$harm" "$member" || not_ok "$member $text $when: it does"
  run_until nothing_runs
  output=$(production_now)
  if [[ $output =~ ^(pos1|standby)$ ]]; then ok "$member $text $when: $output has production"
  else not_ok "$member $text $when: somebody has production" "$(vmclone cutover show pos1)"; fi
  "$comes_home"
  expect_same pos1 "$(production_now)" "and the original gets it back"
  run_until has_volume pos1
  expect_status 0 "with its volume"
}
harm_at_steps() { # HARM TEXT COMES_HOME start|undo:STEP...
  local member point
  shop_with_standby
  for member in pos1 pos1.standby; do
    for point in "${@:4}"; do harm_at_step "$1" "$2" "$3" "$member" "${point%:*}" "${point#*:}"; done
  done
  shop_ends
}
both_answer() { agent_answers && agent_answers standby; }

agent_crashes() {
  ((${#moments[@]} > 1)) || { skip "the agent is killed at every step of a cutover" "in emulation each takes a minute"; return 0; }
  part "The agent is killed at every step of a cutover"
  harm_at_steps agent_dies "loses its agent" come_home start:{1..9}
}

# The broker may not have noticed yet that one is gone.
both_run() {
  both_answer 2>/dev/null && return 0
  domains | grep -qx pos1 || vm_start pos1
  domains | grep -qx pos1.standby || vmclone start pos1 standby --wait >/dev/null 2>&1
  return 1
}
start_and_come_home() { run_until both_run; come_home; }

guest_crashes() {
  ((${#moments[@]} > 1)) || { skip "a guest crashes at every other step of a cutover" "in emulation each takes a minute; bad_luck has one"; return 0; }
  part "A guest crashes at every other step of a cutover"
  harm_at_steps vm_crash crashes start_and_come_home start:{1,3,5,7}  # a crashed VM takes its time to be missed
}

undo_crashes() {
  ((${#moments[@]} > 1)) || { skip "the agent is killed, and a guest crashes, in an undo" "in emulation each takes a minute"; return 0; }
  part "The agent is killed at every step of an undo"
  harm_at_steps agent_dies "loses its agent" come_home undo:{1..8}
  part "A guest crashes at every other step of an undo"
  harm_at_steps vm_crash crashes start_and_come_home undo:{1,3,5,7}
}
