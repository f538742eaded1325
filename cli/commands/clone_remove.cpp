#include "cli/commands/clone_change.hpp"
#include "cli/commands/commands.hpp"

namespace zynclone::cli {

void add_clone_remove(const Command& parent, Session& session) {
  add_clone_change<protocol::CloneRemove>(parent, session, "remove",
                                  "remove a stopped clone and its disks");
}

}  // namespace zynclone::cli
