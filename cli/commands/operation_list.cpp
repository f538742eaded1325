#include <memory>

#include "cli/commands/commands.hpp"
#include "cli/commands/parse.hpp"
#include "cli/pages.hpp"
#include "cli/text.hpp"

namespace zynclone::cli {
namespace {

constexpr auto k_all = std::numeric_limits<std::uint64_t>::max();

struct Values {
  std::string vm;
  std::uint64_t limit = 20;
  bool all = false;
};

Result<ExitCode> list(Session& session, const Values& values) {
  protocol::Request envelope;
  if (!values.vm.empty()) {
    TRY(envelope.vm, parse_value<VmName>(values.vm, "VM"));
  }
  TRY(const auto listing, operations(session.caller(std::move(envelope)), values.all ? k_all : values.limit));
  session.show(listing, operations_text(listing));
  return ExitCode::done;
}

}  // namespace

void add_operation_list(const Command& parent, Session& session) {
  auto values = std::make_shared<Values>();
  const Command command =
      session.add(parent, "list", "list operations, newest first", [values, &session] { return list(session, *values); });
  if (session.program().names_vm == NamesVm::yes) command.optional_argument("VM", values->vm, "only this VM's");
  command.number("--limit", values->limit, "at most so many (default: 20)").flag("--all", values->all, "all of them, however many");
}

}  // namespace zynclone::cli
