#include "host-broker/ports/family.hpp"

#include <algorithm>

namespace zynclone::broker {
namespace {

using protocol::CloneState;
using protocol::VifMode;

// A clone binds the original from the moment it may run until it is put to rest.
bool in_force(const Clone& clone) {
  return clone.state == CloneState::running || clone.state == CloneState::active;
}

VifLockdown lock(const CloneVif& vif, VifMask mask, const VifAllowance& allowance) {
  VifLockdown lockdown{.index = vif.index, .interface = vif.interface, .backend = vif.backend, .mac = vif.mac};
  if (!mask.allows(vif.index)) return lockdown;
  lockdown.mode = allowance.mode;
  if (allowance.mode == VifMode::locked) {
    lockdown.ipv4 = allowance.ipv4;
    lockdown.ipv6 = allowance.ipv6;
  }
  return lockdown;
}

VifLockdown silence(VifLockdown lockdown) {
  lockdown.mode = VifMode::disabled;
  lockdown.ipv4.clear();
  lockdown.ipv6.clear();
  return lockdown;
}

constexpr std::string_view k_isolated_prefix = "zci-";
constexpr std::size_t k_isolated_digits = 10;

// A clone on the isolated network speaks freely there; with production it is on the original's bridge, as that was.
VifLockdown place(VifLockdown lockdown, const Family& family, const Clone& clone, const CloneVif& vif) {
  if (clone.network != protocol::CloneNetwork::isolated) return lockdown;
  lockdown.bridge = bridge_at_start(family, clone, vif);
  if (!is_isolated_bridge(lockdown.bridge)) return lockdown;
  lockdown.mode = VifMode::unlocked;
  lockdown.ipv4.clear();
  lockdown.ipv6.clear();
  return lockdown;
}

}  // namespace

std::string isolated_bridge(const Uuid& family) {
  return std::string(k_isolated_prefix) + sha256_hex("isolated network of " + family.text()).substr(0, k_isolated_digits);
}

bool is_isolated_bridge(std::string_view name) {
  return name.size() == k_isolated_prefix.size() + k_isolated_digits && name.starts_with(k_isolated_prefix) &&
         name.find_first_not_of("0123456789abcdef", k_isolated_prefix.size()) == std::string_view::npos;
}

std::string bridge_at_start(const Family& family, const Clone& clone, const CloneVif& vif) {
  const bool is_apart = clone.network == protocol::CloneNetwork::isolated && production_member(family) != clone.uuid;
  return is_apart ? isolated_bridge(family.uuid) : vif.bridge;
}

std::optional<Uuid> production_member(const Family& family) {
  return family.production.generation == 0 ? family.uuid : family.production.member;
}

std::string member_name(const Family& family, const Uuid& member) {
  if (member == family.uuid) return family.vm.text();
  for (const Clone& clone : family.clones) {
    if (clone.uuid == member) return clone.name.text();
  }
  return {};
}

Result<Uuid> member_named(const Family& family, std::string_view name) {
  if (name == family.vm.text()) return family.uuid;
  for (const Clone& clone : family.clones) {
    if (clone.name.text() == name) return clone.uuid;
  }
  return fail(Errc::not_found, "cannot find member '" + printable(name) + "': '" + family.vm.text() + "' has no clone of that name");
}

std::vector<MemberLockdown> lockdown_of(const Family& family) {
  std::vector<MemberLockdown> members;

  const bool original_works = production_member(family) == family.uuid;
  VifMask original_mask{original_works ? ~0ull : 0};
  const VifAllowance* original_allowance = nullptr;
  for (const Clone& clone : family.clones) {
    if (!in_force(clone)) continue;
    original_mask.value &= clone.original_mask.value;
    // The strictest allowance of those in force: locked before unlocked.
    if (original_allowance == nullptr || clone.original_allowance.mode > original_allowance->mode) {
      original_allowance = &clone.original_allowance;
    }
  }
  MemberLockdown original{.member = family.vm.text(), .uuid = family.uuid};
  const VifAllowance unlocked;
  for (const CloneVif& vif : family.vifs) {
    original.vifs.push_back(lock(vif, original_mask, original_allowance != nullptr ? *original_allowance : unlocked));
  }
  members.push_back(std::move(original));

  for (const Clone& clone : family.clones) {
    MemberLockdown member{.member = clone.name.text(), .uuid = clone.uuid};
    const bool works = production_member(family) == clone.uuid;
    for (const CloneVif& vif : clone.vifs) {
      VifLockdown own = works ? lock(vif, VifMask{~0ull}, clone.original_allowance) : lock(vif, clone.clone_mask, clone.clone_allowance);
      own = place(std::move(own), family, clone, vif);
      // It would speak as its original: its memory has that one's addresses.
      if (clone.awaits_identity) own = silence(std::move(own));
      member.vifs.push_back(std::move(own));
    }
    members.push_back(std::move(member));
  }
  return members;
}

}  // namespace zynclone::broker
