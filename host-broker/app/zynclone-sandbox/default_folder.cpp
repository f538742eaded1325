#include <cstdlib>
#include <unistd.h>

#include "host-broker/app/zynclone-sandbox/commands.hpp"

namespace zynclone::sandbox {

std::string default_folder() {
  if (const char* folder = std::getenv("ZYNCLONE_SANDBOX_DIR")) return folder;
  if (const char* runtime = std::getenv("XDG_RUNTIME_DIR")) return std::string(runtime) + "/zynclone-sandbox";
  return "/tmp/zynclone-sandbox-" + std::to_string(::getuid());
}

}  // namespace zynclone::sandbox
