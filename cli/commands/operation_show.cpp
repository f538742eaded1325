#include <memory>

#include "cli/commands/commands.hpp"
#include "cli/commands/parse.hpp"
#include "cli/text.hpp"

namespace zynclone::cli {
namespace {

Result<ExitCode> show(Session& session, const std::string& text) {
  TRY(auto id, parse_operation_id(text));
  TRY(const auto operation, session.call(protocol::OperationShow{std::move(id)}));
  session.show(operation, operation_text(operation));
  return ExitCode::done;
}

}  // namespace

void add_operation_show(const Command& parent, Session& session) {
  auto id = std::make_shared<std::string>();
  session.add(parent, "show", "show an operation: its state, its steps, how it ended", [id, &session] { return show(session, *id); })
      .argument("ID", *id, "the operation's id");
}

}  // namespace zynclone::cli
