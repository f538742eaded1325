#include "cli/commands/clone_change.hpp"
#include "cli/commands/commands.hpp"

namespace zynclone::cli {

void add_clone_stop(const Command& parent, Session& session) {
  add_clone_change<protocol::CloneStop>(parent, session, "stop",
                                  "shut a running clone down; it stays active: its configuration and the lockdown stay in force");
}

}  // namespace zynclone::cli
