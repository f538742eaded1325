#!/bin/bash
# Rows on real Xen: packages built, a lab of its own with them in it (tests/xen), what the rows measure with put into dom0 and pos1, and
# then the rows, each a file beside this one. The lab is gone afterwards.
#   bench/xen/lab.bash ROW...
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
root=$(readlink -f "$here/../..")
lab=$root/tests/xen/lab

if [[ -z ${ZYNCLONE_IN_LAB:-} ]]; then
  "$root/tools/package" >/dev/null
  ninja -C "$root/build/release" bench_programs >/dev/null
  ZYNCLONE_IN_LAB=1 exec "$lab" run "$here/lab.bash" "$@"
fi

# Twice, if need be: an emulated machine that has just been resumed sometimes loses its first connection.
"$root/tests/xen/install" "$root"/build/packages/zynclone-*.deb || "$root/tests/xen/install" "$root"/build/packages/zynclone-*.deb
"$lab" ssh "printf '%s\n' 'clone.* pos1 allow clones=3' >/etc/zynclone/policy.d/10-bench.policy
  echo guest_messages=1000000 >>/etc/zynclone/broker.conf; systemctl restart zynclone-broker"
mkdir -p "$root/build/bench-programs"
for program in bench_vchan bench_ticker; do strip -o "$root/build/bench-programs/$program" "$root/build/release/bin/$program"; done
"$lab" put "$root"/build/bench-programs/* /usr/local/bin
"$lab" gput pos1 "$root"/build/bench-programs/* /usr/local/bin
until "$lab" gssh pos1 zynclone family show >/dev/null 2>&1; do sleep 1; done
failed=0
for row in "$@"; do
  echo "== xen/$row"
  "$here/$row" || failed=1
done
exit $failed
