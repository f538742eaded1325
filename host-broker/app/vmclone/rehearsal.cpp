#include "host-broker/app/vmclone/rehearsal.hpp"

#include <algorithm>
#include <cctype>

#include "protocol/command.hpp"

namespace zynclone::broker::vmclone {
namespace {

Result<void> try_in_clone(Undertaking& undertaking, const Rehearsal& rehearsal) {
  TRY(undertaking.wait_connected(rehearsal.clone));
  protocol::AgentRun run{.clone = rehearsal.clone, .command = rehearsal.command, .limit_s = static_cast<std::uint64_t>(rehearsal.limit.count())};
  TRY(undertaking.perform("ran '" + protocol::command_text(rehearsal.command) + "' in " + rehearsal.clone.text(), std::move(run)));
  return undertaking.check_health(rehearsal.clone, rehearsal.health_limit);
}

}  // namespace

CloneName rehearsal_name() {
  constexpr std::size_t k_random = 6;  // of an operation id's last letters, which are random
  std::string name = make_operation_id(std::chrono::system_clock::now()).text();
  name.erase(0, name.size() - k_random);
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return CloneName::parse("rehearsal-" + name).value();
}

std::chrono::seconds time_to_live(const Rehearsal& rehearsal) { return std::chrono::hours(1) + rehearsal.limit; }

Result<void> rehearse(Undertaking& undertaking, const Rehearsal& rehearsal) {
  const std::string name = rehearsal.clone.text();
  protocol::CloneCreate create;
  create.name = rehearsal.clone;
  create.mode = rehearsal.mode;
  create.note = "rehearsal of '" + protocol::command_text(rehearsal.command) + "'";
  create.network = rehearsal.network;
  create.ttl_s = static_cast<std::uint64_t>(time_to_live(rehearsal).count());
  TRY(undertaking.perform("made " + name, std::move(create)));
  auto tried = try_in_clone(undertaking, rehearsal);
  if (!rehearsal.keep && !undertaking.session().interrupted()) undertaking.remove(rehearsal.clone);
  return tried;
}

}  // namespace zynclone::broker::vmclone
