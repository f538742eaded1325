#include <memory>

#include "cli/commands/parse.hpp"
#include "cli/text.hpp"
#include "host-broker/app/vmclone/commands/commands.hpp"

namespace zynclone::broker::vmclone {
namespace {

struct Values {
  std::string id;
  std::string reason;
};

Result<cli::ExitCode> allow(cli::Session& session, const Values& values) {
  TRY(auto id, cli::parse_value<OperationId>(values.id, "ID"));
  TRY(const auto operation, session.call(protocol::ApprovalAllow{std::move(id), values.reason}));
  session.show(operation, cli::heading_text(operation) + ": " + std::string(to_string(operation.state)) + '\n');
  return cli::ExitCode::done;
}

}  // namespace

void add_approval_allow(const cli::Command& parent, cli::Session& session) {
  auto values = std::make_shared<Values>();
  session.add(parent, "allow", "allow an operation that awaits approval", [values, &session] { return allow(session, *values); })
      .argument("ID", values->id, "the operation's id")
      .option("--reason", values->reason, "why, for the audit log");
}

}  // namespace zynclone::broker::vmclone
