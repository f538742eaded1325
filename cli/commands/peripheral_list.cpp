#include "cli/commands/clone_change.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/parse.hpp"
#include "cli/text.hpp"

namespace zynclone::cli {
namespace {

Result<ExitCode> list_peripherals(Session& session, const std::string& vm) {
  protocol::Request envelope;
  TRY(envelope.vm, parse_optional_vm(vm));
  TRY(const auto listing, session.call(protocol::PeripheralList{}, std::move(envelope)));
  session.show(listing, peripherals_text(listing.peripherals));
  return ExitCode::done;
}

}  // namespace

void add_peripheral_list(const Command& parent, Session& session) {
  auto vm = std::make_shared<std::string>();
  const Command command = session.add(parent, "list", "list peripherals: where each is, who has it, and what is wrong with it",
                                      [vm, &session] { return list_peripherals(session, *vm); });
  add_optional_vm_argument(command, session, *vm);
}

void add_peripheral_commands(const Command& root, Session& session) {
  const Command peripheral = root.group("peripheral", "devices of the host that follow production: list");
  add_peripheral_list(peripheral, session);
}

}  // namespace zynclone::cli
