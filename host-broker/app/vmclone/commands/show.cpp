#include <memory>

#include "cli/commands/parse.hpp"
#include "cli/commands/show_family.hpp"
#include "cli/text.hpp"
#include "host-broker/app/vmclone/commands/commands.hpp"

namespace zynclone::broker::vmclone {
namespace {

struct ShowValues {
  std::string vm;
  std::string clone;
};

Result<cli::ExitCode> show(cli::Session& session, const ShowValues& values) {
  protocol::Request envelope;
  TRY(envelope.vm, cli::parse_value<VmName>(values.vm, "VM"));
  if (values.clone.empty()) return cli::show_family(session, envelope);
  TRY(auto name, cli::parse_value<CloneName>(values.clone, "CLONE"));
  TRY(const auto clone, session.call(protocol::CloneShow{std::move(name)}, std::move(envelope)));
  session.show(clone, cli::clone_text(clone));
  return cli::ExitCode::done;
}

}  // namespace

void add_show(const cli::Command& parent, cli::Session& session) {
  auto values = std::make_shared<ShowValues>();
  session.add(parent, "show", "show a VM's family, or one of its clones", [values, &session] { return show(session, *values); })
      .argument("VM", values->vm, "the original VM")
      .optional_argument("CLONE", values->clone, "one of its clones");
}

}  // namespace zynclone::broker::vmclone
