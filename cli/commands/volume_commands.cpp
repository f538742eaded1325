#include "cli/commands/commands.hpp"

namespace zynclone::cli {

void add_volume_commands(const Command& root, Session& session) {
  const Command volume = root.group("volume", "volumes that a family's members share: switch, list");
  add_volume_switch(volume, session);
  add_volume_list(volume, session);
}

}  // namespace zynclone::cli
