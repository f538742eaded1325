#include <memory>

#include "cli/commands/commands.hpp"
#include "cli/commands/parse.hpp"
#include "cli/text.hpp"

namespace zynclone::cli {
namespace {

Result<ExitCode> cancel(Session& session, const std::string& text) {
  TRY(auto id, parse_operation_id(text));
  TRY(const auto operation, session.call(protocol::OperationCancel{std::move(id)}));
  const bool goes_on = !protocol::is_final(operation.state);
  const std::string how = goes_on ? "will be cancelled after the current step" : std::string(to_string(operation.state));
  session.show(operation, heading_text(operation) + ": " + how + '\n');
  return ExitCode::done;
}

}  // namespace

void add_operation_cancel(const Command& parent, Session& session) {
  auto id = std::make_shared<std::string>();
  session.add(parent, "cancel", "end an operation that has not passed its point of no return; what it did is undone",
              [id, &session] { return cancel(session, *id); })
      .argument("ID", *id, "the operation's id");
}

}  // namespace zynclone::cli
