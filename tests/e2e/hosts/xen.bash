# The scenario's host: the Xen lab (tests/xen/lab), which is up, with the packages installed (tests/xen/run does both).
lab=$(readlink -f "$here/../xen/lab")
PATH=$(readlink -f "$here/../..")/build/${ZYNCLONE_PRESET:-dev}/bin:$PATH
fault_file=/run/zynclone-fault
moments=(acted)  # in emulation each crash takes long; all moments are tried in the sandbox, and at every journal write in core_test

# The shop's whole story, and what no sandbox can show of clones and networks. The other parts take as long again, and need real Xen for a few lines
# each only: the mailbox, a second person, a volume that is full, a printer, a broker killed meanwhile.
usual=(first_clone captures rehearsal isolated locked live live_second identity cutover cutover_frames upgrade audit)

host_up() {
  "$lab" ssh 'rm -f /etc/zynclone/policy.d/*' && "$lab" put "$here"/policy/* /etc/zynclone/policy.d || return 1
  "$lab" gput pos1 "$here"/hooks/quiesce "$here"/hooks/thaw /etc/zynclone/hooks.d || return 1
  "$lab" ssh "mkdir -p /etc/systemd/system/zynclone-broker.service.d
    printf '[Service]\nEnvironment=ZYNCLONE_FAULT_FILE=$fault_file\n' >/etc/systemd/system/zynclone-broker.service.d/fault.conf
    systemctl daemon-reload" && broker_setting ''
}
# What the scenario put there itself is no package's to remove.
host_down() {
  ((failed == 0)) || "$lab" ssh 'journalctl --no-pager -n 60 -u zynclone-broker -u clone-monitor -u clone-net-monitor'
  "$lab" ssh 'rm -rf /etc/systemd/system/zynclone-broker.service.d /etc/zynclone/policy.d/10-scenario.policy'
}

dom0() { "$lab" ssh "$@"; }
guest() { local vm=$1; shift; "$lab" gssh "$vm" "$@"; }
put_file() { "$lab" ssh "printf '%s\n' '$2' >/$1"; }
remove_file() { "$lab" ssh rm "/$1"; }
family_file() { echo "/var/lib/zynclone/clones/$1.json"; }
family_put() { local file; file=$(family_file "$1"); "$lab" ssh "cp -p $file $file.new && cat >$file.new && mv $file.new $file"; }

set_fault() { "$lab" ssh "echo '$1' >$fault_file"; }
fault_was_met() { ! "$lab" ssh test -e "$fault_file"; }

service_kill() { "$lab" ssh systemctl kill --kill-whom=main --signal=KILL "$1"; }
links_kill() { "$lab" ssh pkill -9 -x zynclone-link; }
agent_signal() { "$lab" gssh "$1" pkill "-$2" -x zynclone-agent; }
agent_kill() { agent_signal "$1" KILL; }
# Of a member that the network does not reach, or no longer: at the shell on its console.
agent_dies() { "$lab" ssh "printf 'pkill -9 -x zynclone-agent\n' >\$(xenstore-read /local/domain/\$(xl domid $1)/console/tty)"; }
agent_transport() {
  "$lab" gssh "$1" "sed -i '/^transport/d' /etc/zynclone/agent.conf; [ $2 = usual ] || echo 'transport = $2' >>/etc/zynclone/agent.conf; sync"  # or a clone has the file as it was before
  agent_kill "$1"
}
link_commands() { "$lab" ssh pgrep -a -x zynclone-link; }

everything_in_reserve='reserve_metadata=99%'  # of the lab's wide pool hardly anything is used
# The packaged file has none, but as comments. On a busy machine the emulation stands still for longer than a host may.
broker_setting() {
  "$lab" ssh "sed -i '/^[^#]/d' /etc/zynclone/broker.conf; printf '%s\n' lockdown_timeout=60s '$1' >>/etc/zynclone/broker.conf; systemctl restart zynclone-broker"
}

vm_stop() { "$lab" ssh xl shutdown -w "$1" >/dev/null 2>&1; run_until eval "! domains | grep -qx '$1'"; }
# From within: who watches over the domain starts it again, under another number.
comes_back() { # DOMAIN COMMAND...
  local before
  before=$("$lab" ssh xl domid "$1")
  "${@:2}" >/dev/null 2>&1
  is_another() { local now; now=$("$lab" ssh xl domid "$1") && [[ $now != "$before" ]]; }
  run_until is_another "$1"
  ((status == 0))
}
reboot_at() { XENLAB_TIMEOUT=10 "$lab" gssh "$1" busybox reboot -f; }
vm_reboot() { comes_back "$1" reboot_at "$1"; }
clone_reboot() { comes_back "pos1.$1" vmclone run pos1 --clone "$1" --limit 5s -- busybox reboot -f; }
# A suspension that no zynclone-save makes: the agent's channel stays open, and nobody watches over the VM afterwards.
vm_suspend() { "$lab" ssh "xl save -p $1 /var/tmp/$1.memory >/dev/null 2>&1 && xl unpause $1 && rm /var/tmp/$1.memory"; }
vm_notice() { "$lab" ssh "xenstore-$2 /local/domain/\$(xl domid $1)/control/zynclone-save ${3-}"; }
vm_advertises() { "$lab" ssh "xenstore-exists /local/domain/\$(xl domid $1)/data/zynclone/broker/event-channel"; }
vm_crash() { "$lab" ssh xl destroy "$1"; }
vm_pause() { "$lab" ssh xl pause "$1"; }
vm_start() { "$lab" ssh xl create -q "/etc/xen/$1.cfg"; }

# The point of sale: its volume, its program in pos1 and in the clones of it, its hooks; a customer on dom0's bridge and a watcher on the volume's
# backend, from shop_open on.
shop_open() {
  local address
  shop_files=$(mktemp -d)
  address=$("$lab" ssh "awk '\$2 == \"pos1\" {print \$1}' /etc/hosts")
  "$lab" ssh 'lvcreate -q -V 64M -T vg0/pool -n pos1-sales >/dev/null && mkfs.ext4 -q /dev/vg0/pos1-sales' || return 1
  "$lab" put "$(type -P till)" /usr/bin
  "$lab" gput pos1 "$(type -P till)" /usr/bin
  "$lab" gput pos1 "$here"/shop/release-volume "$here"/shop/acquire-volume /etc/zynclone/hooks.d
  "$lab" gssh pos1 'mkdir -p /srv; echo "shared_volume.sales = /srv/sales" >>/etc/zynclone/agent.conf
    echo "::respawn:/usr/bin/till serve --mount /srv/sales --volume sales --control /srv/sales.till --listen udp:7000" >>/etc/inittab
    sync; kill -HUP 1'
  put_file etc/xen/clone/guest/pos1.conf "$(printf '%s\n' 'shared_volume.sales = xvds,lvm-thin,/dev/vg0/pos1-sales,ext4' "announce = $address")"
  "$lab" ssh systemd-run -q --collect --unit=till-watch till watch --volume /dev/vg0/pos1-sales --log /run/volume.log
  customer_comes
  agent_kill pos1
  service_kill zynclone-broker
}
customer_comes() { "$lab" ssh systemd-run -q --collect --unit=till-buy till buy --from "udp:$(address_of pos1):7000" --log /run/sales.log; }
customer_goes() { "$lab" ssh systemctl stop till-buy; }
shop_sales() { "$lab" ssh cat /run/sales.log 2>/dev/null; }
shop_close() {
  "$lab" ssh systemctl stop till-buy till-watch
  "$lab" gssh pos1 sync
  "$lab" gget pos1 /srv/sales/sales "$shop_files" && "$lab" get /run/sales.log /run/volume.log "$shop_files" || return 1
  till inspect --file "$shop_files/sales" --log "$shop_files/sales.log" --volume-log "$shop_files/volume.log"
}
shop_clear() {
  "$lab" gssh pos1 "sed -i /shared_volume/d /etc/zynclone/agent.conf; sed -i /till/d /etc/inittab; rm -r /etc/zynclone/hooks.d/*-volume; kill -HUP 1; pkill till
    umount /srv/sales; sync"
  "$lab" ssh 'xl block-detach pos1 xvds; for i in $(seq 50); do lvremove -q -f vg0/pos1-sales >/dev/null 2>&1 && break; sleep 0.2; done'
  "$lab" ssh 'rm -f /run/sales.log /run/volume.log'
  put_file etc/xen/clone/guest/pos1.conf ''
  agent_kill pos1
  rm -r "$shop_files"
}

# In the member that has production, whose address is pos1's.
shop_fill() { "$lab" gssh pos1 'dd if=/dev/zero of=/srv/sales/filler bs=64k 2>/dev/null; sync'; }
shop_drain() { "$lab" gssh pos1 'rm /srv/sales/filler; sync'; }
shop_unmount() { "$lab" gssh pos1 'till release --control /srv/sales.till && umount /srv/sales'; }
vm_setting() { "$lab" ssh "printf '%s\n' '$2' >>/etc/xen/clone/guest/$1.conf"; }
stranger_takes_volume() { "$lab" ssh xl block-attach "$1" phy:/dev/vg0/pos1-sales,xvdq,w; }

# Further shared volumes of pos1, by format.
more_volumes=(tally:raw)  # the lab's guests have no QEMU, which qcow2 needs
more_volumes_open() {
  "$lab" ssh 'mkdir -p /var/lib/xen/images; truncate -s 16M /var/lib/xen/images/pos1-tally.raw; mkfs.ext4 -q /var/lib/xen/images/pos1-tally.raw
    echo "shared_volume.tally = xvdt,raw,/var/lib/xen/images/pos1-tally.raw,ext4" >>/etc/xen/clone/guest/pos1.conf'
  "$lab" gssh pos1 'echo "shared_volume.tally = /srv/tally" >>/etc/zynclone/agent.conf; sync'
  agent_kill pos1
  service_kill zynclone-broker
}
more_volumes_close() {
  "$lab" ssh 'sed -i /tally/d /etc/xen/clone/guest/pos1.conf'
  "$lab" gssh pos1 'sed -i /tally/d /etc/zynclone/agent.conf; umount /srv/tally; sync'
  "$lab" ssh 'xl block-detach pos1 xvdt; rm /var/lib/xen/images/pos1-tally.raw'
}
volume_write() { in_member "$1" "echo $3 >/srv/$2/number"; }
volume_read() { in_member "$1" "grep -qx $3 /srv/$2/number"; }

# A till's counter with a printer: a USB device that the emulator plugs into dom0. The guest's kernel gets the driver that Debian leaves out, and
# its domain a QEMU, which serves the device, at its start.
counter_kind='emulated'
counter_open() {
  "$lab" usb plug printer LP1
  "$here/../xen/guest-usb" pos1 || return 1
  "$lab" ssh "cp /etc/xen/pos1.cfg /run/pos1.cfg.before; echo 'usbctrl = [\"type=qusb,version=2,ports=8\"]' >>/etc/xen/pos1.cfg"
  vm_stop pos1
  put_file etc/xen/clone/guest/pos1.conf "$(printf '%s\n' 'peripheral.printer = usb,0403:6001:LP1' \
    "announce = $("$lab" ssh "awk '\$2 == \"pos1\" {print \$1}' /etc/hosts")")"
  vm_start pos1
  run_until zynclone family show
}
counter_close() {
  put_file etc/xen/clone/guest/pos1.conf ''
  "$lab" ssh 'cp /run/pos1.cfg.before /etc/xen/pos1.cfg'
  "$lab" gssh pos1 'sed -i /guest-usb/d /etc/inittab; sync'
  vm_stop pos1
  vm_start pos1
  run_until zynclone family show
  "$lab" usb unplug printer
}
printer_plug() { "$lab" usb plug printer LP1; }
printer_unplug() { "$lab" usb unplug printer; }
printer_with() { "$lab" ssh xl usb-list "$1" | grep -q 'Bus .* Device'; }
# In the guest that has production, whose address is pos1's.
printer_works() { "$lab" gssh pos1 'grep -qs LP1 /sys/bus/usb/devices/*/serial'; }
printer_by_hand() { # FROM TO
  "$lab" ssh "xl usbdev-detach $1 0 1; each=\$(dirname \$(grep -lx LP1 /sys/bus/usb/devices/*/serial)) &&
    xl usbdev-attach $2 hostbus=\$(cat \$each/busnum) hostaddr=\$(cat \$each/devnum)"
}

volume_remove() { "$lab" ssh lvremove -q -f "vg0/$1" >/dev/null; }
volumes() { "$lab" ssh lvs --noheadings -o lv_name vg0 | sort; }
domains() { "$lab" ssh xl list | awk 'NR > 2 {print $1}' | sort; }
clone_filter() {
  "$lab" ssh nft list map bridge zynclone from 2>/dev/null | tr ',' '\n' |
    sed -n 's/.*"z[0-9a-f]*\.[0-9]*" : drop.*/disabled/p; s/.*"z[0-9a-f]*\.[0-9]*" : accept.*/unlocked/p; s/.*"z[0-9a-f]*\.[0-9]*" : goto.*/locked/p'
}

# What a locked one is held to: its MAC, then each address, a line each.
clone_speaks_as() {
  "$lab" ssh 'for each in mac ipv4 ipv6; do nft list set bridge zynclone $each; done' 2>/dev/null | tr ',' '\n' |
    sed -n 's/.*"z[0-9a-f]*\.[0-9]*" \. \([0-9a-f:.]*\).*/\1/p'
}

generation_id() { "$lab" ssh "xenstore-read /local/domain/\$(xl domid $1)/zynclone/vm_generation_id"; }
mac_inside() { vmclone run pos1 --clone "$1" -- cat /sys/class/net/eth0/address | grep -oE '([0-9a-f]{2}:){5}[0-9a-f]{2}' | tail -1; }

# Somebody else, who may decide about requests.
second_user=e2e-approver
second_person() {
  "$lab" ssh "getent passwd $second_user >/dev/null || useradd -M -G zynclone-approver $second_user"
  "$lab" ssh runuser -u "$second_user" -- "$@"
}
second_person_goes() { "$lab" ssh userdel "$second_user"; }

isolated_bridges() { "$lab" ssh "ls /sys/class/net | grep '^zci-'"; }
isolated_ports() { "$lab" ssh 'ls /sys/class/net/zci-*/brif 2>/dev/null | wc -l'; }
# Two isolated clones, with addresses of the test's own, and frames between them; captured on the bridge and in pos2 meanwhile.
isolated_expect_apart() { # CLONE CLONE
  local host=10.0.0.1 mac counts each
  capture_begin
  for each in 1 2; do vmclone run pos1 --clone "${!each}" -- ip address add "10.99.7.$each/24" dev eth0 >/dev/null; done
  run vmclone run pos1 --clone "$1" -- ping -c 3 -w 20 10.99.7.2
  expect_status 0 "they reach each other"
  host=$("$lab" ssh "ip -4 -o address show dev xenbr0 | sed 's|.*inet \([0-9.]*\)/.*|\1|' | head -1")
  for each in "$host" "$("$lab" ssh "awk '\$2 == \"pos2\" {print \$1}' /etc/hosts")"; do
    vmclone run pos1 --clone "$1" -- ip route replace "$each" dev eth0 >/dev/null
    run vmclone run pos1 --clone "$1" -- ping -c 2 -w 5 "$each"
    expect_output "cannot run 'ping .*exit status 1" "$1 does not reach $each"
  done
  # It broadcasts who has the host's address; the host, which has no address there, must not say so.
  run vmclone run pos1 --clone "$1" -- sh -c "ip neighbour show $host; grep -F $host /proc/net/arp"
  expect_no_output 'lladdr|0x2 ' "nor does the host answer for its address"
  for each in "$1" "$2"; do
    mac=$(vmclone show pos1 "$each" --json | field vifs.0.mac)
    expect_same $'0\n0' "$(capture_count "$mac")" "neither the bridge nor pos2 saw one frame of $each"
  done
  expect_same '' "$("$lab" ssh 'ip -o address show | grep zci-')" "the host has no address on that bridge"
  capture_end
}

# A locked clone, which boots with its original's address: nobody hears it with that, everybody with the one that is listed. Captures run since before.
locked_expect_frames() { # CLONE ADDRESS
  local host mac counts others
  host=$("$lab" ssh "ip -4 -o address show dev xenbr0 | sed 's|.*inet \([0-9.]*\)/.*|\1|' | head -1")
  mac=$(vmclone show pos1 "$1" --json | field vifs.0.mac)
  expect_same $'0\n0' "$(capture_count "$mac")" "neither the bridge nor pos2 saw one frame of it, which has its original's address"
  run vmclone run pos1 --clone "$1" -- ping -c 2 -w 5 "$host"
  expect_output "cannot run 'ping .*exit status 1" "with that it does not reach $host"
  vmclone run pos1 --clone "$1" -- ip address add "$2/24" dev eth0 >/dev/null
  run vmclone run pos1 --clone "$1" -- ping -c 3 -w 20 -I "$2" "$host"
  expect_status 0 "with the listed one it does"
  both_heard() { counts=$(capture_count "$mac") && ! grep -qx 0 <<<"$counts"; }
  run_until both_heard
  expect_status 0 "the bridge and pos2 heard it"
  others="tcpdump -nn -r /run/capture.pcap 'ether src $mac and not src host $2' 2>/dev/null | wc -l"
  expect_same $'0\n0' "$("$lab" ssh "$others"; "$lab" gssh pos2 "$others")" "with no other address than the listed one"
}

# Frames on the bridge and in the second guest, from here to capture_end. capture_count MAC prints how many each has seen of that address so far.
capture_begin() {
  "$lab" ssh 'rm -f /run/capture.pcap; systemd-run -q --collect --unit=capture tcpdump -U -i xenbr0 -w /run/capture.pcap'
  "$lab" gssh pos2 'rm -f /run/capture.pcap; tcpdump -U -i eth0 -w /run/capture.pcap >/dev/null 2>&1 </dev/null &'
  run_until "$lab" ssh test -s /run/capture.pcap
  run_until "$lab" gssh pos2 test -s /run/capture.pcap
}
capture_count() {
  local count="tcpdump -r /run/capture.pcap 'ether host $1' 2>/dev/null | wc -l"
  "$lab" ssh "$count"
  "$lab" gssh pos2 "$count"
}
# Who of two sent: on the bridge and in pos2, in this order, a line each; who sent many frames in a row is named once.
capture_senders() { # MAC MAC
  local list="tcpdump -e -nn -r /run/capture.pcap 'ether src $1 or ether src $2' 2>/dev/null | awk '{print \$2}' | uniq | xargs"
  "$lab" ssh "$list"
  "$lab" gssh pos2 "$list"
}
# The announcements of an IPv4 address by this one that pos2 has heard. The host sends them out of the bridge's ports, so the bridge itself sees none.
capture_announced() { # MAC ADDRESS
  "$lab" gssh pos2 "tcpdump -nn -r /run/capture.pcap 'ether src $1 and ether broadcast and arp src host $2 and arp dst host $2' 2>/dev/null | wc -l"
}
address_of() { "$lab" ssh "awk '\$2 == \"$1\" {print \$1}' /etc/hosts"; }
capture_end() {
  "$lab" ssh systemctl stop capture
  "$lab" gssh pos2 pkill tcpdump
}

# live_count_begin VM: a counter in its memory, in no file of its disk. A live clone goes on counting from where its original was: that shows in its own process, asked by its agent.
live_count_begin() { "$lab" gssh "$1" "mount | grep -q '/dev/shm type tmpfs' || { mkdir -p /dev/shm; mount -t tmpfs tmpfs /dev/shm; }; cat >/usr/bin/live-count <<'END'
#!/bin/sh
number=1000
while :; do number=\$((number + 1)); echo \$number >/dev/shm/live-count; sleep 0.5; done
END
chmod +x /usr/bin/live-count; setsid /usr/bin/live-count >/dev/null 2>&1 </dev/null &"; }
live_count_expect() { # VM CLONE
  run vmclone run "$1" --clone "$2" -- cat /dev/shm/live-count
  expect_status 0 "a command runs in the clone"
  expect_output '1[0-9]{3}' "the counter in its memory goes on"
  "$lab" gssh "$1" pkill live-count
}

# A line typed at a domain's console, until its shell answers with a line like REGEX, which is printed; again and again, as what is typed before xl
# listens is lost. The last is Ctrl-], by which xl leaves the console.
console_says() { # DOMAIN LINE REGEX
  "$lab" ssh "rm -f /run/console.*; mkfifo /run/console.in; exec 3<>/run/console.in
    timeout 60 script -qfc 'xl console $1' /run/console.out <&3 >/dev/null 2>&1 &
    for i in \$(seq 100); do printf '%s\n' '$2' >&3; read -rt 0.3 <> <(:); grep -aqE '$3' /run/console.out && break; done
    printf '\035' >&3; wait
    grep -aoE -m 1 '$3' /run/console.out"
}

memory_images() { "$lab" ssh ls /var/lib/zynclone/memory; }

# A hook of an event (VM EVENT NAME TEXT), of a VM and the clones that are made of it from now on; without text it goes.
hook() {
  local file=/etc/zynclone/hooks.d/$2/$3
  if [[ -n $4 ]]; then printf '#!/bin/sh\n%s\n' "$4" | "$lab" gssh "$1" "cat >$file && chmod 755 $file && sync"; else "$lab" gssh "$1" rm -f "$file"; fi
}
