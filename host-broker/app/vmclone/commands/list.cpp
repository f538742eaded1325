#include <memory>

#include "cli/commands/parse.hpp"
#include "cli/pages.hpp"
#include "cli/text.hpp"
#include "host-broker/app/vmclone/commands/commands.hpp"

namespace zynclone::broker::vmclone {
namespace {

Result<cli::ExitCode> list(cli::Session& session, const std::string& vm) {
  protocol::Request envelope;
  if (!vm.empty()) {
    TRY(envelope.vm, cli::parse_value<VmName>(vm, "VM"));
  }
  TRY(const auto listing, cli::all_clones(session.caller(std::move(envelope))));
  session.show(listing, cli::clones_text(listing.clones));
  return cli::ExitCode::done;
}

}  // namespace

void add_list(const cli::Command& parent, cli::Session& session) {
  auto vm = std::make_shared<std::string>();
  session.add(parent, "list", "list the clones of one VM, or of all", [vm, &session] { return list(session, *vm); })
      .optional_argument("VM", *vm, "only this VM's");
}

}  // namespace zynclone::broker::vmclone
