#include <memory>

#include "cli/commands/commands.hpp"
#include "cli/commands/parse.hpp"
#include "cli/text.hpp"

namespace zynclone::cli {
namespace {

struct Values {
  std::string vm;
  std::uint64_t limit = 20;
};

Result<ExitCode> list(Session& session, const Values& values) {
  protocol::Request envelope;
  if (!values.vm.empty()) {
    TRY(envelope.vm, parse_value<VmName>(values.vm, "VM"));
  }
  TRY(const auto listing, session.call(protocol::OperationList{values.limit}, std::move(envelope)));
  session.show(listing, operations_text(listing));
  return ExitCode::done;
}

}  // namespace

void add_operation_list(const Command& parent, Session& session) {
  auto values = std::make_shared<Values>();
  const Command command =
      session.add(parent, "list", "list operations, newest first", [values, &session] { return list(session, *values); });
  if (session.program().names_vm == NamesVm::yes) command.optional_argument("VM", values->vm, "only this VM's");
  command.number("--limit", values->limit, "at most so many (default: 20, at most 100)");
}

}  // namespace zynclone::cli
