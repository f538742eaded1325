#include "cli/commands/clone_change.hpp"
#include "cli/commands/commands.hpp"

namespace zynclone::cli {

void add_clone_activate(const Command& parent, Session& session) {
  add_clone_change<protocol::CloneActivate>(parent, session, "activate",
                                  "put a clone's configuration and lockdown in force, without starting it");
}

}  // namespace zynclone::cli
