#include <memory>

#include "cli/commands/clone_change.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/parse.hpp"
#include "cli/pages.hpp"
#include "cli/text.hpp"

namespace zynclone::cli {
namespace {

constexpr auto k_all = std::numeric_limits<std::uint64_t>::max();
constexpr auto k_not_given = k_all;
constexpr std::uint64_t k_usual = 20;

struct ListValues {
  std::string vm;
  std::uint64_t limit = k_not_given;
  bool all = false;
};

Result<ExitCode> list_operations(Session& session, const ListValues& values) {
  protocol::Request envelope;
  TRY(envelope.vm, parse_optional_vm(values.vm));
  if (values.all && values.limit != k_not_given) {
    return fail(Errc::invalid_argument, "cannot use --limit with --all: all are listed, however many", "--limit");
  }
  const std::uint64_t most = values.all ? k_all : values.limit == k_not_given ? k_usual : values.limit;
  TRY(const auto listing, operations(session.caller(std::move(envelope)), most));
  session.show(listing, operations_text(listing));
  return ExitCode::done;
}

}  // namespace

void add_operation_list(const Command& parent, Session& session) {
  auto values = std::make_shared<ListValues>();
  const Command command =
      session.add(parent, "list", "list operations, newest first", [values, &session] { return list_operations(session, *values); });
  add_optional_vm_argument(command, session, values->vm);
  command.number("--limit", values->limit, "at most so many (default: 20)").flag("--all", values->all, "all of them, however many");
}

}  // namespace zynclone::cli
