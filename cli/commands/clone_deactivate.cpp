#include "cli/commands/clone_change.hpp"
#include "cli/commands/commands.hpp"

namespace zynclone::cli {

void add_clone_deactivate(const Command& parent, Session& session) {
  add_clone_change<protocol::CloneDeactivate>(parent, session, "deactivate",
                                  "put a stopped clone to rest: it is kept, but nothing of it is in force");
}

}  // namespace zynclone::cli
