#pragma once
// What is mounted, as a process's /proc/<pid>/mountinfo says (proc(5)).

#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "protocol/result.hpp"

namespace zynclone::agent {

struct MountEntry {
  dev_t device = 0;
  std::string mount_point;
  std::string filesystem;
  std::string source;  // as it was named to mount(2)
};

// In the order in which they were mounted: of several at one mount point the last one counts. Lines that cannot be read are left out.
std::vector<MountEntry> parse_mount_table(std::string_view text);

// `process`: a process id, or "self". Errors: not_found, system.
Result<std::vector<MountEntry>> read_mount_table(const std::string& process);

// Does this process see other mounts than the rest of the system, as in a unit with PrivateTmp=? Then nobody would see what it mounts.
bool has_own_mount_namespace();

}  // namespace zynclone::agent
