#include "system/spawn_setup.hpp"

#include <csignal>
#include <fcntl.h>

namespace zynclone {
namespace {

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

// The highest first: a descriptor that is given is not below its place, but for standard error's, which is the same in the child.
SpawnSetup::SpawnSetup(const std::vector<int>& descriptors, const std::string& folder) {
  ::posix_spawn_file_actions_init(&actions_);
  ::posix_spawnattr_init(&attributes_);
  for (int place = static_cast<int>(descriptors.size()); place-- > 0;) {
    const int given = descriptors[static_cast<std::size_t>(place)];
    if (given == k_null_descriptor) ::posix_spawn_file_actions_addopen(&actions_, place, "/dev/null", O_RDWR, 0);
    else ::posix_spawn_file_actions_adddup2(&actions_, given, place);
  }
  ::posix_spawn_file_actions_addclosefrom_np(&actions_, static_cast<int>(descriptors.size()));
  ::posix_spawn_file_actions_addchdir_np(&actions_, folder.c_str());
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes_, &none);
  ::posix_spawnattr_setsigdefault(&attributes_, &all);
  ::posix_spawnattr_setpgroup(&attributes_, 0);
  ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

SpawnSetup::~SpawnSetup() {
  ::posix_spawn_file_actions_destroy(&actions_);
  ::posix_spawnattr_destroy(&attributes_);
}

int SpawnSetup::spawn(pid_t& child, const std::string& program, std::vector<std::string> arguments, std::vector<std::string> environment) const {
  return ::posix_spawn(&child, program.c_str(), &actions_, &attributes_, pointers_to(arguments).data(), pointers_to(environment).data());
}

}  // namespace zynclone
