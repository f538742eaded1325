#include <map>
#include <memory>

#include "cli/commands/parse.hpp"
#include "cli/json.hpp"
#include "cli/pages.hpp"
#include "cli/text.hpp"
#include "host-broker/app/vmclone/commands/commands.hpp"
#include "host-broker/app/vmclone/json_lines.hpp"

namespace zynclone::broker::vmclone {
namespace {

using protocol::FamilyView;

// The families of these clones, without the clones. One that has gone meanwhile is left out, with a warning.
std::vector<FamilyView> families_of(cli::Session& session, const std::vector<protocol::CloneView>& clones) {
  std::map<VmName, CloneName> last;
  for (const auto& clone : clones) last[clone.vm] = clone.name;
  std::vector<FamilyView> families;
  for (const auto& [vm, name] : last) {
    protocol::Request envelope;
    envelope.vm = vm;
    auto family = session.call(protocol::FamilyShow{.after = name}, std::move(envelope));
    if (family) families.push_back(std::move(family).value());
    else session.warn(family.error());
  }
  return families;
}

std::string json_of(const FamilyView& family) {
  JsonObject object;
  object.text("vm", family.vm.text()).text("member", family.production);
  if (family.probation) object.json("probation", protocol::encode_view(*family.probation));
  return object.str();
}

void show_json(cli::Session& session, const protocol::CloneListing& listing, const std::vector<FamilyView>& families) {
  std::string items;
  for (const FamilyView& family : families) items += (items.empty() ? "\n    " : ",\n    ") + json_of(family);
  if (!items.empty()) items += "\n  ";
  session.write_json(cli::joined_json(protocol::encode_view(listing, 2), "{\n  \"production\": [" + items + "]\n}"));
}

// Where the original has production, as usual, nothing is said of it.
std::string text_of(const protocol::CloneListing& listing, const std::vector<FamilyView>& families) {
  std::string text = cli::clones_text(listing.clones);
  for (const FamilyView& family : families) {
    if (family.production != family.vm.text() || family.probation) text += cli::production_text(family);
  }
  return text;
}

Result<cli::ExitCode> list_clones(cli::Session& session, const std::string& vm) {
  protocol::Request envelope;
  TRY(envelope.vm, cli::parse_optional_vm(vm));
  TRY(const auto listing, cli::all_clones(session.caller(std::move(envelope))));
  const auto families = families_of(session, listing.clones);
  if (session.json()) show_json(session, listing, families);
  else session.screen().write(text_of(listing, families));
  return cli::ExitCode::done;
}

}  // namespace

void add_list(const cli::Command& parent, cli::Session& session) {
  auto vm = std::make_shared<std::string>();
  session.add(parent, "list", "list the clones of one VM, or of all, and who has production", [vm, &session] { return list_clones(session, *vm); })
      .optional_argument("VM", *vm, "only this VM's");
}

}  // namespace zynclone::broker::vmclone
