# shellcheck shell=bash disable=SC2034
# What build, lab and install share: where things are, and how the emulated machine is started, spoken to and ended.
#
# A "layer" is a folder with both disks of the machine as overlays (dom0.qcow2, data.qcow2) and, where the machine was
# suspended onto it, its memory (memory.zst). A layer is never written again once another lies on it: the cache holds the
# bottom one, and each run makes its own on top, so that no run can spoil the cache.

xen_folder=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
cache=${ZYNCLONE_CACHE:-$HOME/.cache/zynclone}/xen-lab

die() { echo "${0##*/}: $*" >&2; exit 1; }
# The processes given, and no other child (the emulator is one); fails if one of them does.
wait_all() { local pid status=0; for pid; do wait "$pid" || status=$?; done; return $status; }
say() { echo "${0##*/}: $*" >&2; }

# What a suspended state depends on: it can be resumed by the same machine only. No devices by default: dom0 asks a CD-ROM drive every two seconds for a
# medium, which takes a third of an emulated processor.
machine=(-nodefaults -accel tcg,thread=multi,tb-size=512 -cpu qemu64,+svm,+npt,+aes,+ssse3,+sse4.1,+pclmulqdq -smp 2 -m 3072)
xen_options='com1=115200,8n1 console=com1 dom0_mem=1024M,max:1024M bootscrub=0 loglvl=warning guest_loglvl=warning noreboot spec-ctrl=no'
dom0_options='root=/dev/vda rw console=hvc0 mitigations=off net.ifnames=0 quiet'

# The cache's key: all that the images and the state are made from.
image_key() {
  { cat "$xen_folder"/build "$xen_folder"/image/*
    echo "${machine[@]} $xen_options $dom0_options"
    dpkg-query -W -f '${Version}' qemu-system-x86 2>/dev/null || true; } | sha256sum | cut -c1-16
}

# The machine's folder (its current directory) holds: lock, qemu.pid, monitor, console.log, qemu.log, ssh_config, ssh-dom0.
# The emulator inherits the lock and keeps it for as long as it lives, so that no stale or reused process id can mislead.
alive() { [[ -e lock ]] && ! flock -n lock true; }

monitor() { printf '%s\n' "$1" | timeout "${2:-20}" socat -t 600 - unix-connect:monitor | sed 's/\r//g;/^QEMU\|^(qemu)/d'; }

# start_machine IMAGES LAYER [QEMU OPTION...]: IMAGES has the hypervisor and kernel. Ends by itself after XENLAB_LIFETIME,
# and at once if its watching `timeout` is killed, so that nothing forgotten stays behind. With tie_to_caller set to
# $tied, it also ends when the calling shell does, by whatever signal.
tied='setpriv --pdeathsig TERM'
start_machine() {
  local images=$1 layer=$2
  shift 2
  exec 9>lock
  flock -n 9 || die "a lab already runs in $PWD"
  rm -f monitor ssh-dom0
  ${tie_to_caller:-} timeout "${XENLAB_LIFETIME:-4h}" setpriv --pdeathsig KILL \
    qemu-system-x86_64 "${machine[@]}" -kernel "$images/xen.elf" -append "$xen_options" \
    -initrd "$images/vmlinux $dom0_options,$images/initrd.img" \
    -drive "file=$layer/dom0.qcow2,if=virtio,cache=unsafe" -drive "file=$layer/data.qcow2,if=virtio,cache=unsafe" \
    -netdev "user,id=uplink,restrict=y,hostfwd=tcp:127.0.0.1:${XENLAB_PORT:-0}-:22" -device virtio-net-pci,netdev=uplink \
    -device virtio-rng-pci -serial file:console.log -monitor unix:monitor,server,nowait -display none "$@" \
    </dev/null >qemu.log 2>&1 &
  echo $! >qemu.pid
  exec 9>&-
  write_ssh_config "$images/key"
}

# Which port was chosen is asked of the emulator: looking for a free one beforehand would be a race between two labs.
write_ssh_config() {
  local port=''
  for _ in {1..100}; do
    alive || die "the emulator ended: $(tail -3 qemu.log)"
    [[ -S monitor ]] && port=$(monitor 'info usernet' 2>/dev/null | awk '/HOST_FORWARD/ {print $4}') && [[ $port ]] && break
    sleep 0.1
  done
  [[ $port ]] || die "the emulator does not answer on its monitor: $(tail -3 qemu.log)"
  cat >ssh_config <<CONFIG
Host *
  User root
  IdentityFile $1
  IdentitiesOnly yes
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  LogLevel ERROR
  ConnectTimeout 30
  ServerAliveInterval 5
  ServerAliveCountMax 12
Host dom0
  ControlPath ssh-%n
  HostName 127.0.0.1
  Port $port
Host * !dom0
  ProxyCommand ssh -F ssh_config -W %h:22 dom0
CONFIG
}

# Opens the connection to dom0 that all later ones share. It is opened here, apart from any command, because a shared
# connection that a command opens keeps that command's output open: its reader would wait for ever. Guests' connections are
# not shared: they cost 0.1 s more, and a guest may be paused, cloned or destroyed under them at any time.
share_connection() {
  ssh -F ssh_config -O check dom0 >/dev/null 2>&1 && return
  (
    flock -w 60 7
    ssh -F ssh_config -O check dom0 >/dev/null 2>&1 && exit
    rm -f ssh-dom0
    timeout 30 ssh -F ssh_config -o ControlMaster=yes -o ControlPersist=yes -fN dom0 </dev/null >/dev/null 2>&1 7>&-
  ) 7>ssh-lock
}

answers() {
  case $1 in
    dom0) share_connection ;;
    *) timeout 20 ssh -F ssh_config "$1" true </dev/null >/dev/null 2>&1 ;;
  esac
}

wait_for_host() {
  local host=$1 deadline=$((SECONDS + ${2:-120}))
  until answers "$host"; do
    alive || die "the emulator ended while '$host' was awaited: $(tail -3 qemu.log)"
    ((SECONDS < deadline)) || die "'$host' does not answer; see 'lab log'"
    sleep 0.5
  done
}

# One argument is a line for the remote shell; several are an argument vector, passed on unchanged.
remote() {
  local host=$1
  shift
  (($# > 1)) && set -- "${*@Q}"
  timeout --foreground "${XENLAB_TIMEOUT:-600}" ssh -F ssh_config "$host" "$@"
}

# suspend_machine LAYER: writes the memory beside the disks of LAYER and ends the machine.
suspend_machine() {
  monitor stop
  monitor 'migrate_set_parameter max-bandwidth 100G'
  monitor "migrate \"exec:zstd -q -1 -T2 -o '$1/memory.new'\"" 300
  monitor 'info migrate' | grep -q 'status: completed' || die "cannot suspend the machine: $(monitor 'info migrate' | head -3)"
  stop_machine
  mv "$1/memory.new" "$1/memory.zst"
}

# resume_machine IMAGES LAYER BELOW: goes on from the memory of BELOW with the disks of LAYER. It was stopped when it was
# suspended, so it stays so here, and "cont" is heard only after the memory is in.
resume_machine() {
  start_machine "$1" "$2" -incoming "exec:zstd -q -dc '$3/memory.zst'"
  for _ in {1..600}; do
    case $(monitor 'info status') in
      *inmigrate*) sleep 0.1 ;;
      *paused*) monitor cont; return ;;
      *) break ;;
    esac
  done
  die "cannot resume the machine: $(tail -3 qemu.log)"
}

stop_machine() {
  alive || return 0
  local pid
  pid=$(cat qemu.pid)
  ssh -F ssh_config -O exit dom0 2>/dev/null || true
  kill "$pid" 2>/dev/null || true
  for _ in {1..100}; do alive || return 0; sleep 0.1; done
  kill -KILL "$pid" 2>/dev/null || true
}
