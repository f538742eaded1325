#pragma once
// The files of a sandbox: settings of the pretended control domain, and for each original a disk and its configuration. What is
// there already stays as it is, so that it can be changed between `down` and `up`. Blocks for small files.

#include <string>
#include <vector>

#include "host-broker/sandbox/layout.hpp"
#include "system/async.hpp"

namespace zynclone::sandbox {

// base.json, broker.conf and a policy that allows clones. Errors: system.
Result<void> write_settings(const Layout& layout, const std::string& link_program);

// A qcow2 disk of so many bytes (it takes next to nothing until it is written to), <vm>.cfg and guest/<vm>.conf. Errors: not_found when
// there is no qemu-img; storage, system.
asio::awaitable<Result<void>> make_original(Layout layout, VmName vm, std::uint64_t disk_size);

// Those that have a <vm>.cfg, sorted. Errors: configuration for a file whose name cannot be a VM's.
Result<std::vector<VmName>> originals(const Layout& layout);

}  // namespace zynclone::sandbox
