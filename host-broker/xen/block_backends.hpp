#pragma once
// Block backends of the control domain, as its side of XenStore and its kernel tell: which volume each serves, for whom, and how far it is. The
// guest's side is not asked, for it can write what it likes there. Blocks: for the XenStore thread pool.

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "host-broker/ports/block_devices.hpp"
#include "host-broker/xen/store/xenstore.hpp"

namespace zynclone::broker::xen {

// XenbusState of xen/include/public/io/xenbus.h, as text in XenStore.
inline constexpr std::string_view k_connected = "4";
inline constexpr std::string_view k_closing = "5";
inline constexpr std::string_view k_closed = "6";

struct BlockBackend {
  std::string path;                // /local/domain/0/backend/vbd/7/51728; empty: only the kernel still has it
  std::string kind;                // vbd: the kernel's; qdisk: a QEMU's
  DomainId domain;
  std::string number;              // 51728
  std::string device;              // xvdb
  std::string target;              // the path that it serves
  std::optional<dev_t> physical;   // the block device that it serves, where it is the kernel's
  bool writable = true;
  bool is_refused = false;         // the block script refused it: xl leaves its nodes, but it serves nothing, and never will
  std::string state;               // k_connected, …
};

// All that serve the volume, and all of the domain. `kernel_backends` is the folder of the kernel's own list: a device whose nodes are gone from XenStore
// is in use until it is gone from there, too. Errors: as of Store.
Result<std::vector<BlockBackend>> read_block_backends(xenstore::Store& store, const std::string& kernel_backends, DomainId domain, const Volume& volume);

// By what is served, not by its name: a block device by its number (/dev/vg0/x, /dev/mapper/vg0-x and /dev/dm-3 are one), a file by its
// inode, a loop device as the file behind it.
bool serves(const BlockBackend& backend, const Volume& volume);

bool is_block_device(const std::string& path);

}  // namespace zynclone::broker::xen
