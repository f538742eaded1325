#include "cli/commands/clone_change.hpp"
#include "cli/commands/commands.hpp"

namespace zynclone::cli {

void add_clone_start(const Command& parent, Session& session) {
  add_clone_change<protocol::CloneStart>(parent, session, "start",
                                  "start a clone, locked down before its first packet");
}

}  // namespace zynclone::cli
