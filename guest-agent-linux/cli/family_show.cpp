#include "cli/commands/show_family.hpp"
#include "guest-agent-linux/cli/commands.hpp"

namespace zynclone::guest {

void add_family_show(const cli::Command& parent, cli::Session& session) {
  session.add(parent, "show", "show this VM's family: the original, its clones and shared volumes, and which of them this is",
              [&session] { return cli::show_family(session); });
}

}  // namespace zynclone::guest
