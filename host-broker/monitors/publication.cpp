#include "host-broker/monitors/publication.hpp"

#include "protocol/codec.hpp"

namespace zynclone::broker::monitors {
namespace {

using protocol::MemberRole;
using protocol::VifMode;

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : ",") + text;
  return all;
}

PublishedVif publish(const VifLockdown& vif, const Domains& domains, std::optional<DomainId> running) {
  PublishedVif published{.index = vif.index,
                         .interface = vif.interface,
                         .backend = domains.backend(vif.backend),
                         .mac = vif.mac,
                         .mode = vif.mode,
                         .ipv4 = vif.ipv4,
                         .ipv6 = vif.ipv6,
                         .bridge = vif.bridge};
  if (published.interface.empty() && running) published.interface = "vif" + std::to_string(running->value) + "." + std::to_string(vif.index);
  return published;
}

std::string state_of(const Family& family, const Uuid& member, bool runs) {
  for (const Clone& clone : family.clones) {
    if (clone.uuid == member) return std::string(protocol::to_string(clone.state));
  }
  return std::string(protocol::to_string(runs ? protocol::CloneState::running : protocol::CloneState::inactive));
}

// A clone that was made before there were any has its UUID, which is as new.
Uuid generation_id_of(const Family& family, const Uuid& member) {
  for (const Clone& clone : family.clones) {
    if (clone.uuid == member && clone.generation_id != Uuid()) return clone.generation_id;
  }
  return member;
}

Nodes nodes_of(const PublishedVif& vif) {
  return {{"", ""},
          {"interface", vif.interface},
          {"backend", vif.backend ? std::to_string(vif.backend->value) : ""},
          {"mac", vif.mac},
          {"mode", std::string(protocol::to_string(vif.mode))},
          {"ipv4", joined(vif.ipv4)},
          {"ipv6", joined(vif.ipv6)},
          {"bridge", vif.bridge}};
}

Nodes nodes_of(const PublishedMember& member) {
  Nodes nodes{{"", ""},
              {"name", member.name},
              {"role", std::string(protocol::to_string(member.role))},
              {"state", member.state},
              {"vm_generation_id", member.generation_id.text()},
              {"vif", ""}};
  if (member.domain) nodes["domid"] = std::to_string(member.domain->value);
  for (const PublishedVif& vif : member.vifs) put_below(nodes, "vif/" + std::to_string(vif.index), nodes_of(vif));
  return nodes;
}

}  // namespace

PublishedFamily publication_of(const Family& family, const Domains& domains) {
  PublishedFamily published{.uuid = family.uuid, .vm = family.vm, .generation = family.generation};
  published.production = {.member = production_member(family), .generation = family.production.generation, .announce = family.production.announce};
  std::map<Uuid, PublishedMember> members;
  bool has_interface = false;
  for (const MemberLockdown& lockdown : lockdown_of(family)) {
    const auto running = domains.with_uuid(lockdown.uuid);
    PublishedMember member{.uuid = lockdown.uuid,
                           .name = lockdown.member,
                           .role = lockdown.uuid == family.uuid ? MemberRole::original : MemberRole::clone,
                           .state = state_of(family, lockdown.uuid, running.has_value()),
                           .domain = running,
                           .generation_id = generation_id_of(family, lockdown.uuid)};
    std::map<unsigned, PublishedVif> vifs;
    for (const VifLockdown& vif : lockdown.vifs) {
      has_interface = true;
      PublishedVif one = publish(vif, domains, running);
      if (one.backend) published.backends.insert(*one.backend);
      vifs.emplace(vif.index, std::move(one));
    }
    for (auto& [index, vif] : vifs) member.vifs.push_back(std::move(vif));
    members.emplace(lockdown.uuid, std::move(member));
  }
  for (auto& [uuid, member] : members) published.members.push_back(std::move(member));
  if (!has_interface) published.backends.insert(DomainId{0});
  return published;
}

Nodes nodes_of(const PublishedFamily& family) {
  std::string backends;
  for (const DomainId backend : family.backends) backends += (backends.empty() ? "" : " ") + std::to_string(backend.value);
  Nodes nodes{{"", ""},
              {"vm", family.vm.text()},
              {"generation", std::to_string(family.generation.value)},
              {"production", family.production.member ? family.production.member->text() : ""},
              {"production_generation", std::to_string(family.production.generation)},
              {"announce", joined(family.production.announce)},
              {"backends", backends},
              {"member", ""}};
  for (const PublishedMember& member : family.members) put_below(nodes, "member/" + member.uuid.text(), nodes_of(member));
  return nodes;
}

Nodes frontend_nodes(const PublishedFamily& family, const PublishedMember& member) {
  Nodes nodes{{"role", std::string(protocol::to_string(member.role))},
              {"vm", family.vm.text()},
              {"family", family.uuid.text()},
              {"member", member.name},
              {"state", member.state},
              {"generation", std::to_string(family.generation.value)},
              {"vm_generation_id", member.generation_id.text()},
              {"production", family.production.member == member.uuid ? "1" : "0"},
              {"vif", ""}};
  for (const PublishedVif& vif : member.vifs) {
    const std::string path = "vif/" + std::to_string(vif.index);
    nodes[path] = "";
    nodes[path + "/mode"] = protocol::to_string(vif.mode);
  }
  return nodes;
}

}  // namespace zynclone::broker::monitors
