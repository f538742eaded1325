#include "host-broker/monitors/frontend.hpp"

#include <algorithm>
#include <array>

#include "protocol/codec.hpp"
#include "system/log.hpp"

namespace zynclone::broker::monitors {
namespace {

using protocol::VifMode;

// Beside these, others write there: the mailbox of a guest without vchan.
constexpr std::array<std::string_view, 9> k_own_names{"role", "vm", "family", "member", "state", "generation", "vm_generation_id", "production", "vif"};

std::string home_of(DomainId domain) { return xen::domain_path(domain) + "/zynclone"; }

Result<bool> is_still(xenstore::Transaction& transaction, const xen::DomainEntry& domain) {
  TRY(const auto vm, transaction.read(xen::domain_path(domain.id) + "/vm"));
  return vm && xen::parse_vm_path(*vm) == domain.uuid;
}

// xenopsd writes the same for the same purpose; xenvif reads it as a number. The node is the guest's own, and it may put there what it
// likes, so it is written only where the frontend is, and "0" only over a "1".
// A transaction of its own, and no error: a guest that writes there all the time keeps nobody but itself from being told.
void write_disconnect(xenstore::Store& store, const xen::DomainEntry& domain, const PublishedVif& vif) {
  const std::string frontend = xen::domain_path(domain.id) + "/device/vif/" + std::to_string(vif.index);
  const auto done = store.transact([&](xenstore::Transaction& transaction) -> Result<void> {
    TRY(const bool still, is_still(transaction, domain));
    TRY(const auto there, transaction.read(frontend));
    if (!still || !there) return outcome::success();
    TRY(const auto before, transaction.read(frontend + "/disconnect"));
    const bool disconnect = vif.mode == VifMode::disabled;
    if (before == (disconnect ? "1" : "0") || (!before && !disconnect)) return outcome::success();
    return transaction.write(frontend + "/disconnect", disconnect ? "1" : "0");
  });
  if (!done) log_warning("cannot tell the frontend '" + frontend + "' its link: " + done.error().message);
}

std::string describe(const PublishedMember& member) {
  std::string text = member.name + " (domain " + std::to_string(member.domain->value) + "):";
  for (const PublishedVif& vif : member.vifs) text += " interface " + std::to_string(vif.index) + " " + std::string(protocol::to_string(vif.mode));
  return text;
}

}  // namespace

std::optional<Membership> member_in(const std::vector<PublishedFamily>& families, const Uuid& vm) {
  if (vm == Uuid()) return std::nullopt;
  for (const PublishedFamily& family : families) {
    for (const PublishedMember& member : family.members) {
      if (member.uuid == vm) return Membership{.family = &family, .member = &member};
    }
  }
  return std::nullopt;
}

Result<void> tell_member(xenstore::Store& store, const xen::DomainEntry& domain, const PublishedFamily& family, const PublishedMember& member,
                         const Nodes* told) {
  const std::string home = home_of(domain.id);
  const Nodes nodes = frontend_nodes(family, member);
  const xenstore::Permissions permissions{.owner = {0}, .readers = {domain.id}};
  bool changed = false;
  TRY(store.transact([&](xenstore::Transaction& transaction) -> Result<void> {
    changed = false;
    TRY(const bool still, is_still(transaction, domain));
    if (!still) return outcome::success();
    if (told != nullptr) {
      changed = *told != nodes;
      return update_tree(transaction, home, *told, nodes, permissions);
    }
    TRY(const auto there, transaction.read(home));
    if (!there) {
      TRY(transaction.write(home, "", permissions));
    }
    for (const std::string_view name : k_own_names) {
      const std::string own(name);
      TRY(const bool wrote, write_tree(transaction, home + "/" + own, below(nodes, own), permissions, Write::differences));
      changed = changed || wrote;
    }
    return outcome::success();
  }));
  for (const PublishedVif& vif : member.vifs) write_disconnect(store, domain, vif);
  if (changed) log_info("told " + describe(member));
  return outcome::success();
}

Result<void> forget_member(xenstore::Store& store, const xen::DomainEntry& domain) {
  const std::string home = home_of(domain.id);
  bool changed = false;
  TRY(store.transact([&](xenstore::Transaction& transaction) -> Result<void> {
    changed = false;
    TRY(const auto names, transaction.directory(home));
    std::size_t left = names.size();
    for (const std::string& name : names) {
      if (std::find(k_own_names.begin(), k_own_names.end(), name) == k_own_names.end()) continue;
      TRY(transaction.remove(home + "/" + name));
      changed = true;
      --left;
    }
    if (changed && left == 0) {
      TRY(transaction.remove(home));
    }
    return outcome::success();
  }));
  if (changed) log_info("domain " + std::to_string(domain.id.value) + " is in no family any longer");
  return outcome::success();
}

}  // namespace zynclone::broker::monitors
