#include "cli/commands/clone_change.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/parse.hpp"
#include "cli/text.hpp"

namespace zynclone::cli {
namespace {

Result<ExitCode> list_volumes(Session& session, const std::string& vm) {
  protocol::Request envelope;
  TRY(envelope.vm, parse_optional_vm(vm));
  TRY(const auto listing, session.call(protocol::VolumeList{}, std::move(envelope)));
  session.show(listing, volumes_text(listing.volumes));
  return ExitCode::done;
}

}  // namespace

void add_volume_list(const Command& parent, Session& session) {
  auto vm = std::make_shared<std::string>();
  const Command command = session.add(parent, "list", "list shared volumes: who has each, and what is wrong with it",
                                      [vm, &session] { return list_volumes(session, *vm); });
  add_optional_vm_argument(command, session, *vm);
}

}  // namespace zynclone::cli
