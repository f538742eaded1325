#include <memory>

#include "cli/commands/parse.hpp"
#include "cli/text.hpp"
#include "host-broker/app/vmclone/commands/commands.hpp"

namespace zynclone::broker::vmclone {
namespace {

struct DecideValues {
  std::string id;
  std::string reason;
};

// Decision: protocol::ApprovalAllow or ApprovalDeny.
template <class Decision>
Result<cli::ExitCode> decide(cli::Session& session, const DecideValues& values) {
  TRY(auto id, cli::parse_operation_id(values.id));
  const bool needs_reason = std::is_same_v<Decision, protocol::ApprovalDeny>;
  if (needs_reason && values.reason.find_first_not_of(" \t\r\n") == std::string::npos) {
    return fail(Errc::invalid_argument, "cannot deny without a reason: the requester is told it", "--reason");
  }
  TRY(const auto operation, session.call(Decision{std::move(id), values.reason}));
  session.show(operation, cli::heading_text(operation) + ": " + std::string(to_string(operation.state)) + '\n');
  return cli::ExitCode::done;
}

}  // namespace

void add_approval_allow(const cli::Command& parent, cli::Session& session) {
  auto values = std::make_shared<DecideValues>();
  session.add(parent, "allow", "allow an operation that awaits approval", [values, &session] { return decide<protocol::ApprovalAllow>(session, *values); })
      .argument("ID", values->id, "the operation's id")
      .option("--reason", values->reason, "why, for the audit log");
}

void add_approval_deny(const cli::Command& parent, cli::Session& session) {
  auto values = std::make_shared<DecideValues>();
  session.add(parent, "deny", "deny an operation that awaits approval", [values, &session] { return decide<protocol::ApprovalDeny>(session, *values); })
      .argument("ID", values->id, "the operation's id")
      .required_option("--reason", values->reason, "why; the requester and the audit log are told");
}

}  // namespace zynclone::broker::vmclone
