#include "cli/commands/clone_change.hpp"
#include "cli/commands/commands.hpp"

namespace zynclone::cli {

void add_cutover_commit(const Command& parent, Session& session) {
  add_family_change<protocol::CutoverCommit>(parent, session, "commit",
                                  "end the probation: production stays where it is");
}

}  // namespace zynclone::cli
