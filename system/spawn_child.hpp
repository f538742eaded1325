#pragma once
// The start of a child process and nothing more; run_process (system/process.hpp) is what to call.

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "protocol/result.hpp"
#include "system/descriptor.hpp"

namespace zynclone {

struct SpawnedChild {
  pid_t pid = 0;       // also its process group's
  Descriptor output;   // the reading ends of its standard output and error
  Descriptor errors;
};

// The program is looked for in the child's PATH unless it holds a '/'. No signal is blocked or ignored in the child, and nothing
// but descriptors 0 to 2 is open. Errors: system.
Result<SpawnedChild> spawn_child(const std::vector<std::string>& arguments, const std::map<std::string, std::string>& environment,
                                 const std::string& working_directory);

}  // namespace zynclone
