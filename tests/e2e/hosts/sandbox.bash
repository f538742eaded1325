# The scenario's host: a sandbox of its own, with the programs of build/dev (or of the preset in ZYNCLONE_PRESET).
PATH=$(readlink -f "$here/../..")/build/${ZYNCLONE_PRESET:-dev}/bin:$PATH
sandbox=''

host_up() {
  sandbox=$(mktemp -d /tmp/zynclone-e2e.XXXXXX)
  zynclone-sandbox up --dir "$sandbox" --vm pos1 --vm pos2 >/dev/null || return 1
  rm "$sandbox"/etc/zynclone/policy.d/*
  cp "$here"/policy/*.policy "$sandbox/etc/zynclone/policy.d/"
  local event
  for event in quiesce thaw; do
    mkdir -p "$sandbox/guests/pos1/hooks.d/$event"
    cp "$here"/hooks/$event/* "$sandbox/guests/pos1/hooks.d/$event/"
  done
  fault_file=$sandbox/fault
  zynclone-sandbox service stop --dir "$sandbox" zynclone-broker
  zynclone-sandbox service start --dir "$sandbox" --set ZYNCLONE_FAULT_FILE="$fault_file" zynclone-broker -- \
    zynclone-broker --config "$sandbox/etc/zynclone/broker.conf"
}
host_down() {
  [[ -n $sandbox ]] || return 0
  kill ${shop_watchers:-} ${shop_customer:-} 2>/dev/null
  zynclone-sandbox down --dir "$sandbox" >/dev/null 2>&1
  if ((failed > 0)); then echo "(the sandbox's logs stay in $sandbox)"; else rm -rf "$sandbox"; fi
}

dom0() { zynclone-sandbox host --dir "$sandbox" -- "$@"; }
guest() { local vm=$1; shift; zynclone-sandbox exec --dir "$sandbox" "$vm" -- "$@"; }

# The broker kills itself when it comes by there; its supervisor starts it anew.
set_fault() { echo "$1" >"$fault_file"; }
fault_was_met() { [[ ! -e $fault_file ]]; }

service_process() { zynclone-sandbox service list --dir "$sandbox" | awk -v name="$1" '$1 == name {print $2}'; }
service_kill() { kill -9 "$(service_process "$1")"; }
links_kill() { pkill -9 -P "$(service_process zynclone-broker)" zynclone-link; }
agent_signal() {
  local id
  id=$(zynclone-sandbox domain list --dir "$sandbox" | awk -v name="$1" '$NF == name {print $1}')
  pkill "-$2" -f -- "zynclone-agent --config $sandbox/domains/$id/agent.conf"
}
agent_kill() { agent_signal "$1" KILL; }
agent_dies() { agent_kill "$1"; }

# How the agent of a VM reaches the broker, of its clones to come too: mailbox, or usual.
agent_transport() {
  local id transport=$2 file
  [[ $transport != usual ]] || transport=unix
  id=$(zynclone-sandbox domain list --dir "$sandbox" | awk -v name="$1" '$NF == name {print $1}')
  file=$sandbox/domains/$id/agent.conf
  sed -i "s/^transport = .*/transport = $transport/" "$file"
  sed -i '/^agent_transport/d' "$sandbox/etc/xen/$1.cfg"
  printf 'agent_transport = %s\n' "$transport" >>"$sandbox/etc/xen/$1.cfg"
  agent_kill "$1"
}
link_commands() { pgrep -a -P "$(service_process zynclone-broker)" -x zynclone-link; }

everything_in_reserve='reserve_files=99%'
broker_setting() {
  local file=$sandbox/etc/zynclone/broker.conf
  [[ -f $file.before ]] || cp "$file" "$file.before"
  { grep -v "^${1%%=*} *=" "$file.before"; printf '%s\n' "$1"; } >"$file"
  service_kill zynclone-broker
  run_until vmclone list
}

vm_stop() { zynclone-sandbox domain shutdown --dir "$sandbox" "$1" && run_until_gone "$1"; }
vm_crash() { zynclone-sandbox domain destroy --dir "$sandbox" "$1"; }
vm_pause() { zynclone-sandbox domain pause --dir "$sandbox" "$1"; }
vm_start() { zynclone-sandbox domain create --dir "$sandbox" "$1" >/dev/null; }
run_until_gone() { run_until eval "! domains | grep -qx '$1'"; }

# Files by their paths on a real host.
place_of() { case $1 in etc/xen/clone/*) echo "$sandbox/etc/clone/${1#etc/xen/clone/}" ;; *) echo "$sandbox/$1" ;; esac; }
put_file() { printf '%s\n' "$2" >"$(place_of "$1")"; }
remove_file() { rm "$(place_of "$1")"; }

family_file() { echo "$sandbox/state/clones/$1.json"; }
family_put() { local file; file=$(family_file "$1"); cp -p "$file" "$file.new" && cat >"$file.new" && mv "$file.new" "$file"; }

background() { (exec zynclone-sandbox host --dir "$sandbox" -- "$@" >/dev/null 2>&1) & }

# The point of sale: its volume, its program in pos1 and in the clones of it, its hooks; a customer and a watcher on the bridge and a watcher on the
# volume's backend, from shop_open on.
shop_open() {
  local event
  shop_before=$(cat "$sandbox/etc/xen/pos1.cfg")
  vm_stop pos1
  truncate -s 4M "$sandbox/images/pos1-sales.raw"
  put_file etc/xen/clone/guest/pos1.conf "shared_volume.sales = xvds,raw,$sandbox/images/pos1-sales.raw,ext4"
  for event in release-volume acquire-volume; do
    mkdir -p "$sandbox/guests/pos1/hooks.d/$event"
    cp "$here/shop/$event"/* "$sandbox/guests/pos1/hooks.d/$event/"
  done
  printf 'run0 = %s\nagent_shared_volume.sales = ~/mnt/sales\n' "$here/shop/till" >>"$sandbox/etc/xen/pos1.cfg"
  vm_start pos1
  background till watch --volume "$sandbox/images/pos1-sales.raw" --log "$sandbox/volume.log"
  shop_watchers=$!
  background till watch-bridge --sandbox "$sandbox" --log "$sandbox/bridge.log"
  shop_watchers+=" $!"
  customer_comes
}
customer_comes() {
  background till buy --from "sandbox:$sandbox" --log "$sandbox/sales.log"
  shop_customer=$!
}
customer_goes() { kill "$shop_customer" && wait "$shop_customer"; }
shop_sales() { cat "$sandbox/sales.log" 2>/dev/null; }
shop_close() {
  kill "$shop_customer" $shop_watchers
  wait "$shop_customer" $shop_watchers
  till inspect --file "$sandbox/images/pos1-sales.raw" --log "$sandbox/sales.log" --volume-log "$sandbox/volume.log" --bridge-log "$sandbox/bridge.log"
}
shop_clear() {
  vm_stop pos1
  printf '%s\n' "$shop_before" >"$sandbox/etc/xen/pos1.cfg"
  put_file etc/xen/clone/guest/pos1.conf ''
  rm -r "$sandbox"/{sales,volume,bridge}.log "$sandbox/images/pos1-sales.raw" "$sandbox"/guests/pos1/hooks.d/{release,acquire}-volume
  vm_start pos1
}

vm_setting() { printf '%s\n' "$2" >>"$sandbox/etc/clone/guest/$1.conf"; }

stranger_takes_volume() { zynclone-sandbox attach --dir "$sandbox" "$1" "xvdq,raw,$sandbox/images/pos1-sales.raw"; }

# Further shared volumes of pos1, by format; what is in one is a pattern of bytes.
more_volumes=(stock:qcow2 tally:raw)
more_volumes_open() {
  local each device id letters=tu
  id=$(zynclone-sandbox domain list --dir "$sandbox" | awk '$NF == "pos1" {print $1}')
  for each in "${more_volumes[@]}"; do
    device=xvd${letters:0:1} letters=${letters:1}
    qemu-img create -q -f "${each#*:}" "$(more_volume "$each")" 1M
    printf 'shared_volume.%s = %s,%s,%s\n' "${each%:*}" "$device" "${each#*:}" "$(more_volume "$each")" >>"$sandbox/etc/clone/guest/pos1.conf"
    printf 'agent_shared_volume.%s = ~/mnt/%s\n' "${each%:*}" "${each%:*}" >>"$sandbox/etc/xen/pos1.cfg"
    printf 'shared_volume.%s = %s\n' "${each%:*}" "$sandbox/domains/$id/mnt/${each%:*}" >>"$sandbox/domains/$id/agent.conf"
  done
  agent_kill pos1
  service_kill zynclone-broker
}
more_volumes_close() { local each; for each in "${more_volumes[@]}"; do rm "$(more_volume "$each")"; done; }
more_volume() { echo "$sandbox/images/pos1-${1%:*}.${1#*:}"; }
on_volume() { in_member "$1" "qemu-io -f $([[ $2 == stock ]] && echo qcow2 || echo raw) -c '$3 -P $4 0 512' \"\$ZYNCLONE_ROOT/../mnt/$2/$2\""; }
volume_write() { on_volume "$1" "$2" write "$3"; }
volume_read() { on_volume "$1" "$2" read "$3"; }

# A till's counter with a printer: the device is pretended, a file; who has it has a link to it.
counter_kind='pretended'
counter_open() {
  printer_plug
  put_file etc/xen/clone/guest/pos1.conf 'peripheral.printer = usb,04b8:0202:LP1'
}
counter_close() {
  put_file etc/xen/clone/guest/pos1.conf ''
  printer_unplug
  rm -f "$sandbox"/domains/*/dev/peripheral-printer
}
printer_plug() { printf 'device = usb,04b8:0202\nserial = LP1\nport = 1-1\n' >"$sandbox/peripherals/printer"; }
printer_unplug() { rm "$sandbox/peripherals/printer"; }
printer_link() { echo "$sandbox/domains/$(zynclone-sandbox domain list --dir "$sandbox" | awk -v name="$1" '$NF == name {print $1}')/dev/peripheral-printer"; }
printer_with() { [[ -e $(printer_link "$1") ]]; }
printer_works() { printer_with "$1"; }
printer_by_hand() { rm "$(printer_link "$1")" && ln -s "$sandbox/peripherals/printer" "$(printer_link "$2")"; } # FROM TO

# As the guest reads it, but by the host: one request of XenStore's protocol, for which nothing more than Python need be there.
generation_id() {
  local id
  id=$(zynclone-sandbox domain list --dir "$sandbox" | awk -v name="$1" '$NF == name {print $1}')
  python3 -c 'import socket, struct, sys
store = socket.socket(socket.AF_UNIX)
store.connect(sys.argv[1])
path = sys.argv[2].encode() + bytes(1)
store.sendall(struct.pack("=IIII", 2, 0, 0, len(path)) + path)
answer = store.makefile("rb")
kind, _, _, length = struct.unpack("=IIII", answer.read(16))
text = answer.read(length).decode()
print(text if kind == 2 else "")' "$sandbox/xenstored/0.sock" "/local/domain/$id/zynclone/vm_generation_id"
}

volume_remove() { rm "$sandbox/images/$1"; }
volumes() { (cd "$sandbox/images" && ls); }
domains() { zynclone-sandbox domain list --dir "$sandbox" | awk 'NR > 1 {print $NF}' | sort; }
# Interfaces of clones and what the backend's filter does with them.
clone_filter() { awk '$1 ~ /^z/ {print $2}' "$sandbox/run/filter"; }
# What a locked one is held to: its MAC, then each address, a line each.
clone_speaks_as() { awk '$1 ~ /^z/ && $2 == "locked" {print $3; print $4; print $5}' "$sandbox/run/filter" | tr ',' '\n' | grep -vx -- -; }

isolated_bridges() { awk '/^zci-/ {print $1}' "$sandbox/run/bridges" 2>/dev/null; }
isolated_ports() { awk '/^zci-/ {print NF - 1}' "$sandbox/run/bridges" 2>/dev/null; }

# Pretended: no process's memory is copied, so there is nothing to count on.
live_count_begin() { :; }
live_count_expect() { skip "a clone goes on from its original's memory" "no process's memory is copied here"; }
memory_images() { ls "$sandbox/state/memory"; }

# A hook of an event (VM EVENT NAME TEXT), of a VM and the clones that are made of it from now on; without text it goes.
hook() {
  local file=$sandbox/guests/$1/hooks.d/$2/$3
  if [[ -n $4 ]]; then mkdir -p "${file%/*}" && printf '#!/bin/sh\n%s\n' "$4" >"$file" && chmod 755 "$file"; else rm -f "$file"; fi
}
