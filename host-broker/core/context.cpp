#include "host-broker/core/context.hpp"

#include <algorithm>
#include <cstdio>

namespace zynclone::broker {

namespace {
constexpr std::chrono::milliseconds k_look_for_channel{200};
}  // namespace

Result<const Family*> family_of(const Context& context) {
  const Family* family = context.registry.find(context.record.vm);
  if (family == nullptr) return fail(Errc::not_found, "cannot find VM '" + context.record.vm.text() + "': it has no family here");
  return family;
}

Result<const Clone*> clone_of(const Context& context, const CloneName& name) {
  TRY(const Family* family, family_of(context));
  const Clone* clone = find_clone(*family, name);
  if (clone == nullptr) {
    return fail(Errc::not_found, "cannot find clone '" + name.text() + "': '" + family->vm.text() + "' has no clone of that name", "/params/name");
  }
  return clone;
}

Result<void> check_not_working(const Context& context, const Clone& clone, std::string_view verb) {
  TRY(const Family* family, family_of(context));
  const std::string cannot = "cannot " + std::string(verb) + " clone '" + clone.name.text() + "': ";
  if (production_member(*family) == clone.uuid) return fail(Errc::conflict, cannot + "it has production; move that to another member first (cutover)");
  if (family->probation && (family->probation->from == clone.uuid || family->probation->to == clone.uuid)) {
    return fail(Errc::conflict, cannot + "its cutover is on probation; commit or undo that first");
  }
  return outcome::success();
}

asio::awaitable<void> wait_connected(Context context, Uuid member, Deadline limit) {
  Clock& clock = context.ports.clock;
  const auto until = clock.steady() + limit;
  while (!context.ports.guests.is_connected(member) && clock.steady() < until) {
    const Timestamp next = clock.now() + k_look_for_channel;
    co_await clock.sleep_until(next);
  }
}

asio::awaitable<Result<std::optional<Domain>>> domain_of(Context context, Uuid uuid) {
  CO_TRY(const auto domains, co_await context.ports.toolstack.list_domains());
  for (const Domain& domain : domains) {
    if (domain.uuid == uuid && domain.state != DomainState::dying) co_return std::optional<Domain>(domain);
  }
  co_return std::optional<Domain>();
}

std::optional<Uuid> member_of(const Family& family, const std::vector<Domain>& domains, DomainId domain) {
  for (const Domain& one : domains) {
    if (one.id == domain && !member_name(family, one.uuid).empty()) return one.uuid;
  }
  return std::nullopt;
}

std::string domain_name(const VmName& vm, const CloneName& clone) { return vm.text() + '.' + clone.text(); }

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string interfaces_text(const Family& family, const Clone& clone) {
  if (clone.awaits_identity) return "silent until its agent has taken its identity";
  std::map<std::string, std::string> by_mode;
  bool is_apart = false;
  for (const MemberLockdown& member : lockdown_of(family)) {
    if (member.uuid != clone.uuid) continue;
    for (const VifLockdown& vif : member.vifs) {
      std::string& list = by_mode[std::string(protocol::to_string(vif.mode))];
      list += (list.empty() ? "" : ",") + std::to_string(vif.index);
      is_apart = is_apart || is_isolated_bridge(vif.bridge);
    }
  }
  if (by_mode.empty()) return "no interfaces";
  std::string text;
  for (const auto& [mode, list] : by_mode) text += (text.empty() ? "interfaces " : ", ") + list + ' ' + mode;
  if (is_apart) return text + " on the isolated network";
  if (production_member(family) == clone.uuid) return text + " (it has production)";
  char mask[24];
  std::snprintf(mask, sizeof mask, "0x%llx", static_cast<unsigned long long>(clone.clone_mask.value));
  return text + " (mask " + mask + ')';
}

}  // namespace zynclone::broker
