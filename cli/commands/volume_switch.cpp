#include "cli/commands/clone_change.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/parse.hpp"

namespace zynclone::cli {
namespace {

struct SwitchValues : FamilyChange {
  std::string volume;
  std::string member;
};

Result<ExitCode> switch_volume(Session& session, const SwitchValues& values) {
  TRY(auto vm, values.parsed_vm());
  TRY(auto volume, parse_value<VolumeName>(values.volume, "VOLUME"));
  TRY(auto member, parse_value<CloneName>(values.member, "MEMBER"));
  return session.change(protocol::VolumeSwitch{.volume = std::move(volume), .to = std::move(member)}, values.change, std::move(vm));
}

}  // namespace

void add_volume_switch(const Command& parent, Session& session) {
  auto values = std::make_shared<SwitchValues>();
  const Command command = session.add(parent, "switch", "move one shared volume to a member of the family",
                                      [values, &session] { return switch_volume(session, *values); });
  add_vm_argument(command, session, values->vm);
  command.argument("VOLUME", values->volume, "the volume's name")
      .argument("MEMBER", values->member, "a clone's name, or the VM's for the original");
  session.add_change_options(command, values->change);
}

}  // namespace zynclone::cli
