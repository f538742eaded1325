#include "cli/pages.hpp"
#include "cli/text.hpp"
#include "host-broker/app/vmclone/commands/commands.hpp"

namespace zynclone::broker::vmclone {
namespace {

Result<cli::ExitCode> list_approvals(cli::Session& session) {
  TRY(const auto listing, cli::all_approvals(session.caller()));
  session.show(listing, cli::approvals_text(listing));
  return cli::ExitCode::done;
}

}  // namespace

void add_approval_list(const cli::Command& parent, cli::Session& session) {
  session.add(parent, "list", "list the operations that await approval", [&session] { return list_approvals(session); });
}

}  // namespace zynclone::broker::vmclone
