# Bad luck in the guests: the agent of each side is killed, and each side's VM crashes, as a cutover comes by each of its steps. Whatever becomes of the
# cutover, one member has production in the end, or `vmclone repair` says what is wrong and leads there; and no sale is lost.

# Starts a cutover and does the rest of the words when so many steps of it are done.
cutover_and_at() {
  local count=$1 line seen=0
  shift
  while read -r line; do
    [[ $line != *✓* ]] || seen=$((seen + 1))
    ((seen != count)) || { "$@" >/dev/null 2>&1; seen=100; }
  done < <(vmclone cutover start pos1 standby --wait 2>&1)
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

agent_crashes() {
  ((${#moments[@]} > 1)) || return 0  # in emulation each takes a minute
  part "The agent is killed at every step of a cutover"
  local member step
  shop_open
  run_until has_volume pos1
  vmclone create pos1 --name standby --mode online --wait >/dev/null
  for member in pos1 pos1.standby; do
    for step in {1..9}; do
      run_until agent_answers
      cutover_and_at "$step" agent_kill "$member"
      run_until nothing_runs
      output=$(production_now)
      if [[ $output == pos1 || $output == standby ]]; then ok "agent of $member killed after step $step: $output has production"
      else not_ok "agent of $member killed after step $step: somebody has production"; fi
      come_home
      expect_same pos1 "$(production_now)" "and the original gets it back"
      run_until has_volume pos1
    done
  done
  shop_ends
}
agent_answers() { vmclone health pos1 >/dev/null && vmclone health pos1 standby >/dev/null; }

# The broker may not have noticed yet that one is gone.
both_run() {
  agent_answers 2>/dev/null && return 0
  domains | grep -qx pos1 || vm_start pos1
  domains | grep -qx pos1.standby || vmclone start pos1 standby --wait >/dev/null 2>&1
  return 1
}

guest_crashes() {
  ((${#moments[@]} > 1)) || return 0
  part "A guest crashes at every step of a cutover"
  local member step
  shop_open
  run_until has_volume pos1
  vmclone create pos1 --name standby --mode online --wait >/dev/null
  for member in pos1 pos1.standby; do
    for step in 1 3 5 7; do  # a crashed VM takes its time to be missed
      run_until agent_answers
      cutover_and_at "$step" vm_crash "$member"
      run_until nothing_runs
      output=$(vmclone cutover show pos1)
      if [[ $(production_now) =~ ^(pos1|standby)$ ]]; then ok "$member crashed after step $step: $(production_now) has production"
      else not_ok "$member crashed after step $step: somebody has production"; fi
      run_until both_run
      come_home
      expect_same pos1 "$(production_now)" "the crashed one is started, and the original gets production back"
      run_until has_volume pos1
      expect_status 0 "and its volume"
    done
  done
  shop_ends
}
