#pragma once
// Shared volumes as guest/<vm>.conf names them, and what no file can say alone: that no two of them are the same volume. Blocks for a look at
// each volume's path; any thread. Internal to configuration/.

#include "host-broker/configuration/guest_settings.hpp"
#include "host-broker/ports/toolstack.hpp"

namespace zynclone::broker::configuration {

inline constexpr std::string_view k_shared_volume_prefix = "shared_volume.";  // a key is this and the volume's name

// `value` is <device>,<format>,<path>[,<file system>]. Errors: what is allowed.
Result<SharedVolume> read_shared_volume(std::string_view name, std::string_view value);
std::string shared_volume_text(const SharedVolume& volume);

// One that some VM's file names.
struct NamedVolume {
  VmName vm;
  std::string identity;    // equal for two names of one device or file
  std::string place;       // file:line
};

// What the path stands for; for one that is not there, itself.
std::string volume_identity(const std::string& path);

// Those that this text of guest/<vm>.conf names; its mistakes do not count.
std::vector<NamedVolume> volumes_named_in(std::string_view text, const VmName& vm, const std::string& file);

// Each adds to the draft's mistakes. A volume that it names twice, or that another VM names too:
void check_named_once(GuestDraft& draft, const std::vector<NamedVolume>& of_others);
// One that is not there:
void check_there(GuestDraft& draft);
// One that is, or whose device is, a VM's own disk. `disks`: those of the VMs whose own configuration is known.
void check_own_disks(GuestDraft& draft, const std::map<VmName, std::vector<VmDisk>>& disks);

}  // namespace zynclone::broker::configuration
