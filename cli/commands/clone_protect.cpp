#include "cli/commands/clone_change.hpp"
#include "cli/commands/commands.hpp"

namespace zynclone::cli {

void add_clone_protect(const Command& parent, Session& session) {
  add_clone_change<protocol::CloneProtect>(parent, session, "protect",
                                  "keep a clone: nobody removes it, nor does the end of its time to live");
}

}  // namespace zynclone::cli
