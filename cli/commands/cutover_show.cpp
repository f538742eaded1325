#include "cli/commands/clone_change.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/parse.hpp"
#include "cli/text.hpp"

namespace zynclone::cli {
namespace {

Result<ExitCode> show(Session& session, const std::string& vm) {
  protocol::Request envelope;
  TRY(envelope.vm, parse_optional_vm(vm));
  TRY(const auto cutover, session.call(protocol::CutoverShow{}, std::move(envelope)));
  session.show(cutover, cutover_text(cutover));
  return ExitCode::done;
}

}  // namespace

void add_cutover_show(const Command& parent, Session& session) {
  auto vm = std::make_shared<std::string>();
  const Command command = session.add(parent, "show", "show who has production, its probation, and the volumes that follow it",
                                      [vm, &session] { return show(session, *vm); });
  add_vm_argument(command, session, *vm);
}

}  // namespace zynclone::cli
