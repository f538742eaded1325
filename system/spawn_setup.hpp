#pragma once
// posix_spawn(3)'s arguments for a child of ours: given descriptors and nothing else open, no signal blocked or ignored, in a process group
// of its own, so that a signal to ours is for us to act on.

#include <spawn.h>

#include <string>
#include <vector>

namespace zynclone {

inline constexpr int k_null_descriptor = -1;  // /dev/null

class SpawnSetup {
 public:
  // The child's descriptors from 0 on; its working directory.
  SpawnSetup(const std::vector<int>& descriptors, const std::string& folder);
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;
  ~SpawnSetup();

  // As posix_spawn(3) itself: 0, or an error's number.
  int spawn(pid_t& child, const std::string& program, std::vector<std::string> arguments, std::vector<std::string> environment) const;

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

}  // namespace zynclone
