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

}  // namespace

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
      member.vifs.push_back(works ? lock(vif, VifMask{~0ull}, clone.original_allowance) : lock(vif, clone.clone_mask, clone.clone_allowance));
    }
    members.push_back(std::move(member));
  }
  return members;
}

}  // namespace zynclone::broker
