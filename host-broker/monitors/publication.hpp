#pragma once
// A family as it stands in XenStore under /zynclone/family/<uuid>: made from the family's file, and read back, every value checked.
// clone-monitor writes it, clone-net-monitor reads it; both as pure functions over nodes.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "host-broker/xen/lockdown/domains.hpp"
#include "host-broker/monitors/store_tree.hpp"
#include "host-broker/ports/family.hpp"

namespace zynclone::broker::monitors {

using xen::Domains;

struct PublishedVif {
  unsigned index = 0;
  std::string interface;                     // empty: not known before its member runs
  std::optional<DomainId> backend;           // none: the backend's domain does not run
  std::string mac;                           // empty: the toolstack chooses one at each start
  protocol::VifMode mode = protocol::VifMode::disabled;
  std::vector<std::string> ipv4;
  std::vector<std::string> ipv6;
  std::string bridge;                        // it must be on this one; empty: wherever the toolstack put it

  friend bool operator==(const PublishedVif&, const PublishedVif&) = default;
};

struct PublishedMember {
  Uuid uuid;
  std::string name;
  protocol::MemberRole role = protocol::MemberRole::clone;
  std::string state;                         // a clone's; of the original "running" or "inactive"
  std::optional<DomainId> domain;            // while it runs
  Uuid generation_id;                        // of the VM: new with each copy; the original's is its UUID
  std::vector<PublishedVif> vifs;

  friend bool operator==(const PublishedMember&, const PublishedMember&) = default;
};

struct PublishedProduction {
  std::optional<Uuid> member;                // none: for the moment of a cutover
  std::uint64_t generation = 0;              // grows with every move
  std::vector<std::string> announce;         // addresses that move along

  friend bool operator==(const PublishedProduction&, const PublishedProduction&) = default;
};

struct PublishedFamily {
  Uuid uuid;
  VmName vm;
  Generation generation;
  PublishedProduction production;
  std::set<DomainId> backends;               // whose acknowledgement counts: those that run, of its interfaces; 0 where it has none
  std::vector<PublishedMember> members;      // in the order of their UUIDs, interfaces in that of their indexes

  friend bool operator==(const PublishedFamily&, const PublishedFamily&) = default;
};

// What is to be published of a family, while these domains run.
PublishedFamily publication_of(const Family& family, const Domains& domains);

Nodes nodes_of(const PublishedFamily& family);
// Nodes that it does not know do not count. Errors: malformed, with the node's path as place.
Result<PublishedFamily> parse_published(const std::string& untrusted_uuid, const Nodes& untrusted_nodes);

// What a running member may read about itself, below /local/domain/<id>/zynclone.
Nodes frontend_nodes(const PublishedFamily& family, const PublishedMember& member);

}  // namespace zynclone::broker::monitors
