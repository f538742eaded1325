#pragma once
// Who has a file system or a file open, from /proc: what an administrator would ask fuser(1). For error messages; of other users' processes
// only root sees them.

#include <string>
#include <sys/types.h>
#include <vector>

namespace zynclone::agent {

struct FileUser {
  pid_t process = 0;
  std::string name;  // printable
};

// Processes with an open file, a working or root folder, a program or a mapping on the file system that `path` is on.
std::vector<FileUser> users_of_filesystem(const std::string& path);

// Processes that have this file open for writing.
std::vector<FileUser> writers_of_file(const std::string& path);

// One process of each mount namespace that there is.
struct MountNamespace {
  FileUser process;
  bool is_own = false;
};
std::vector<MountNamespace> mount_namespaces();

// "1234 (pos), 1240 (sh) and 3 more"; empty if there are none.
std::string to_string(const std::vector<FileUser>& users);

}  // namespace zynclone::agent
