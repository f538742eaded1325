#include <memory>

#include "cli/commands/parse.hpp"
#include "cli/text.hpp"
#include "host-broker/app/vmclone/commands/commands.hpp"

namespace zynclone::broker::vmclone {
namespace {

struct HealthValues {
  std::string vm;
  std::string clone;
};

Result<cli::ExitCode> host_health(cli::Session& session) {
  TRY(const auto report, session.call(protocol::HostHealth{}));
  session.show(report, cli::health_text(report));
  return report.healthy ? cli::ExitCode::done : cli::ExitCode::failed;
}

Result<cli::ExitCode> agent_health(cli::Session& session, const HealthValues& values) {
  protocol::Request envelope;
  TRY(envelope.vm, cli::parse_value<VmName>(values.vm, "VM"));
  protocol::AgentHealth call;
  if (!values.clone.empty()) {
    TRY(call.clone, cli::parse_value<CloneName>(values.clone, "CLONE"));
  }
  TRY(const auto report, session.call(std::move(call), std::move(envelope)));
  session.show(report, cli::health_text(report, values.clone.empty() ? values.vm : values.vm + "/" + values.clone));
  return report.healthy ? cli::ExitCode::done : cli::ExitCode::failed;
}

}  // namespace

void add_health(const cli::Command& parent, cli::Session& session) {
  auto values = std::make_shared<HealthValues>();
  session
      .add(parent, "health", "show whether the broker and what it needs are well; with a VM, what the agent in it says of itself",
           [values, &session] { return values->vm.empty() ? host_health(session) : agent_health(session, *values); })
      .optional_argument("VM", values->vm, "ask the agent in this VM")
      .optional_argument("CLONE", values->clone, "in this clone of it");
}

}  // namespace zynclone::broker::vmclone
