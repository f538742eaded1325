#include "cli/text.hpp"
#include "host-broker/app/vmclone/commands/commands.hpp"

namespace zynclone::broker::vmclone {
namespace {

Result<cli::ExitCode> health(cli::Session& session) {
  TRY(const auto report, session.call(protocol::HostHealth{}));
  session.show(report, cli::health_text(report));
  return report.healthy ? cli::ExitCode::done : cli::ExitCode::failed;
}

}  // namespace

void add_health(const cli::Command& parent, cli::Session& session) {
  session.add(parent, "health", "show whether the broker and what it needs are well", [&session] { return health(session); });
}

}  // namespace zynclone::broker::vmclone
