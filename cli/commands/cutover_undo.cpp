#include "cli/commands/clone_change.hpp"
#include "cli/commands/commands.hpp"

namespace zynclone::cli {

void add_cutover_undo(const Command& parent, Session& session) {
  add_family_change<protocol::CutoverUndo>(parent, session, "undo",
                                  "end the probation: production goes back to the member that had it before");
}

}  // namespace zynclone::cli
