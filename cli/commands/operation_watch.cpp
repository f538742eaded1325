#include <memory>

#include "cli/commands/commands.hpp"
#include "cli/commands/parse.hpp"

namespace zynclone::cli {
namespace {

Result<ExitCode> watch(Session& session, const std::string& text) {
  TRY(const auto id, parse_operation_id(text));
  return session.follow(id, Session::Json::every_state);
}

}  // namespace

void add_operation_watch(const Command& parent, Session& session) {
  auto id = std::make_shared<std::string>();
  session.add(parent, "watch", "follow an operation to its end; with --json each of its states as one line",
              [id, &session] { return watch(session, *id); })
      .argument("ID", *id, "the operation's id");
}

}  // namespace zynclone::cli
