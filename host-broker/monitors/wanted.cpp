#include "host-broker/monitors/wanted.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace zynclone::broker::monitors {
namespace {

using network::FilterState;
using network::UnknownVifs;
using network::VifRule;
using protocol::MemberRole;
using protocol::VifMode;

const std::string k_running(protocol::to_string(protocol::CloneState::running));
const std::string k_active(protocol::to_string(protocol::CloneState::active));

bool restricted(const PublishedVif& vif) { return vif.mode != VifMode::unlocked || is_isolated_bridge(vif.bridge); }

// Has the member a place on the family's isolated bridge, or may it get one by losing production?
bool is_apart(const PublishedVif& vif) { return !vif.bridge.empty(); }

// An active one may be just rebooting: xl makes its domain again by itself, and Xen's vif-bridge fails, and the domain with it, where the bridge is not there.
bool needs_bridge(const PublishedMember& member) { return member.state == k_running || member.state == k_active || member.domain; }

// The name of `present` at which a rule may be aimed, for each of its names.
std::vector<std::string> names_of(const BackendVif& present) {
  std::vector<std::string> names{present.kernel_name()};
  if (!present.renamed.empty()) names.push_back(present.renamed);
  return names;
}

class Builder {
 public:
  // `kept`: rules that stay where no family says something else.
  Builder(const std::vector<PublishedFamily>& families, const std::vector<BackendVif>& present, DomainId self, const std::vector<VifRule>& kept)
      : families_(families), present_(present), self_(self) {
    for (const VifRule& rule : kept) kept_.insert(rule.interface);
    for (const PublishedFamily& family : families) {
      for (const PublishedMember& member : family.members) {
        members_.emplace(member.uuid, &member);
        if (member.domain) domains_.emplace(*member.domain, &member);
        for (const PublishedVif& vif : member.vifs) interfaces_.emplace(vif.interface, &member);
      }
    }
  }

  Wanted build() {
    for (const PublishedFamily& family : families_) {
      for (const PublishedMember& member : family.members) add_member(family, member);
    }
    if (wanted_.state.unknown == UnknownVifs::hold) let_others_pass();
    for (auto& [uuid, bridges] : bridges_) wanted_.bridges.push_back(std::move(bridges));
    for (auto& [name, owned] : rules_) wanted_.state.rules.push_back(std::move(owned.rule));
    for (const PublishedFamily& family : families_) {
      if (family.backends.contains(self_) && !contradicted_.contains(family.uuid)) {
        wanted_.acknowledge.push_back({.family = family.uuid, .vm = family.vm, .generation = family.generation});
        wanted_.production.push_back(
            {.family = family.uuid, .vm = family.vm, .production = family.production, .interfaces = std::move(speaking_[family.uuid])});
      }
    }
    return std::move(wanted_);
  }

 private:
  struct Owned {
    VifRule rule;
    const PublishedFamily* family;
  };

  // Whose interface is it? By UUID where that is known; else by a name made for one member, by the published domain, or by the MAC that the
  // toolstack gave it, which is how a driver domain knows an original that has just got another domain id.
  bool belongs(const BackendVif& present, const PublishedMember& member, const PublishedVif& vif) const {
    if (present.device != vif.index) return false;
    if (present.vm) return *present.vm == member.uuid;
    const auto named = present.renamed.empty() ? interfaces_.end() : interfaces_.find(present.renamed);
    if (named != interfaces_.end()) return named->second == &member;
    if (const auto published = domains_.find(present.domain); published != domains_.end()) return published->second == &member;
    return member.role == MemberRole::original && !vif.mac.empty() && vif.mac == present.mac;
  }

  // Does this published name belong to the interface of another VM by now? Domain ids are given again.
  bool taken_by_other(const std::string& name, const PublishedMember& member) const {
    return std::any_of(present_.begin(), present_.end(), [&](const BackendVif& present) {
      return present.vm && *present.vm != member.uuid && present.kernel_name() == name;
    });
  }

  void add_member(const PublishedFamily& family, const PublishedMember& member) {
    bool silent_in_part = false;
    for (const PublishedVif& vif : member.vifs) {
      if (vif.backend != self_) continue;
      silent_in_part = silent_in_part || restricted(vif);
      if (is_apart(vif) && needs_bridge(member)) add_bridge(family, member, vif);
      if (member.role == MemberRole::original && restricted(vif)) wanted_.state.unknown = UnknownVifs::hold;
      add_vif(family, member, vif);
    }
    // An interface that the family's file does not know, of a member that may not speak freely: its mask has no bit for it.
    for (const BackendVif& present : present_) {
      const bool known = std::any_of(member.vifs.begin(), member.vifs.end(), [&](const PublishedVif& vif) { return vif.index == present.device; });
      const bool of_member = present.vm ? *present.vm == member.uuid : member.domain == present.domain;
      if (of_member && !known && silent_in_part) {
        for (const std::string& name : names_of(present)) add_rule(family, {.interface = name, .mode = VifMode::disabled});
      }
    }
  }

  // One that the toolstack is still setting up stands where its script puts it; then it is looked at again.
  void add_bridge(const PublishedFamily& family, const PublishedMember& member, const PublishedVif& vif) {
    BridgesHere& bridges = bridges_[family.uuid];
    bridges.family = family.uuid;
    bridges.vm = family.vm;
    bridges.isolated = isolated_bridge(family.uuid);
    if (!vif.interface.empty()) bridges.members.insert(vif.interface);
    for (const BackendVif& present : present_) {
      if (!belongs(present, member, vif)) continue;
      const std::string name = names_of(present).back();
      bridges.members.insert(name);
      if (present.is_set_up) bridges.placements.push_back({.interface = name, .bridge = vif.bridge});
    }
  }

  void add_vif(const PublishedFamily& family, const PublishedMember& member, const PublishedVif& vif) {
    std::set<std::string> names;
    std::string mac = vif.mac;
    std::optional<std::string> here;
    if (!vif.interface.empty() && !taken_by_other(vif.interface, member)) names.insert(vif.interface);
    for (const BackendVif& present : present_) {
      if (!belongs(present, member, vif)) continue;
      for (const std::string& name : names_of(present)) names.insert(name);
      here = names_of(present).back();
      if (mac.empty()) mac = present.mac;
    }
    if (!here && member.domain && !vif.interface.empty()) here = vif.interface;
    VifRule rule{.interface = {}, .mode = vif.mode};
    if (is_isolated_bridge(vif.bridge)) rule.reach = network::Reach::isolated;
    if (vif.mode == VifMode::locked && mac.empty()) {
      rule.mode = VifMode::disabled;  // until it is known which MAC is its own
    } else if (vif.mode == VifMode::locked) {
      rule.mac = mac;
      rule.ipv4 = vif.ipv4;
      rule.ipv6 = vif.ipv6;
    }
    if (here && !mac.empty() && rule.mode != VifMode::disabled && family.production.member == member.uuid) {
      speaking_[family.uuid].push_back({.name = *here, .mac = mac});
    }
    for (const std::string& name : names) {
      rule.interface = name;
      add_rule(family, rule);
    }
  }

  void add_rule(const PublishedFamily& family, const VifRule& rule) {
    const auto [found, added] = rules_.try_emplace(rule.interface, Owned{rule, &family});
    if (added || found->second.rule == rule) return;
    const PublishedFamily& other = *found->second.family;
    found->second.rule = {.interface = rule.interface, .mode = VifMode::disabled};
    contradicted_.insert({family.uuid, other.uuid});
    wanted_.conflicts.push_back({Errc::conflict, "cannot decide about interface '" + rule.interface + "': families '" + other.vm.text() +
                                                     "' and '" + family.vm.text() + "' want different things of it, so it is disabled"});
  }

  // Only what certainly is no member's: the rest stays held.
  bool is_no_members(const BackendVif& present) const {
    if (present.vm) return !members_.contains(*present.vm);
    if (present.mac.empty() || domains_.contains(present.domain)) return false;
    for (const PublishedFamily& family : families_) {
      for (const PublishedMember& member : family.members) {
        for (const PublishedVif& vif : member.vifs) {
          const bool may_be_it = vif.mac.empty() && member.role == MemberRole::original && restricted(vif);
          if (may_be_it || vif.mac == present.mac) return false;
        }
      }
    }
    return true;
  }

  void let_others_pass() {
    for (const BackendVif& present : present_) {
      // A member that is free wholly is as free with an interface that the file does not know.
      if (!is_no_members(present) && !is_free_member(present)) continue;
      for (const std::string& name : names_of(present)) {
        const PublishedFamily* const none = nullptr;
        if (name.starts_with("vif") && !kept_.contains(name)) rules_.try_emplace(name, Owned{VifRule{.interface = name, .mode = VifMode::unlocked}, none});
      }
    }
  }

  bool is_free_member(const BackendVif& present) const {
    const auto member = present.vm ? members_.find(*present.vm) : members_.end();
    return member != members_.end() && std::none_of(member->second->vifs.begin(), member->second->vifs.end(), restricted);
  }

  const std::vector<PublishedFamily>& families_;
  const std::vector<BackendVif>& present_;
  DomainId self_;
  std::set<std::string> kept_;
  std::map<Uuid, const PublishedMember*> members_;
  std::map<DomainId, const PublishedMember*> domains_;
  std::map<std::string, const PublishedMember*> interfaces_;
  std::map<std::string, Owned> rules_;
  std::map<Uuid, std::vector<ProductionHere::Interface>> speaking_;
  std::map<Uuid, BridgesHere> bridges_;
  std::set<Uuid> contradicted_;
  Wanted wanted_;
};

}  // namespace

Wanted wanted_state(const std::vector<PublishedFamily>& families, Reading reading, const std::vector<BackendVif>& present, DomainId self,
                    const std::optional<FilterState>& in_force) {
  const bool keeps = reading == Reading::some_refused && in_force;
  const std::vector<VifRule> kept = keeps ? in_force->rules : std::vector<VifRule>();
  Wanted wanted = Builder(families, present, self, kept).build();
  if (keeps) {
    std::set<std::string> named;
    for (const VifRule& rule : wanted.state.rules) named.insert(rule.interface);
    for (const VifRule& rule : kept) {
      if (!named.contains(rule.interface)) wanted.state.rules.push_back(rule);
    }
    if (in_force->unknown == UnknownVifs::hold) wanted.state.unknown = UnknownVifs::hold;
  }
  return wanted;
}

}  // namespace zynclone::broker::monitors
