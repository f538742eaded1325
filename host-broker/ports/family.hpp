#pragma once
// A family as it is kept: one readable JSON file a family under /var/lib/zynclone/clones/, written whole. It is the truth about
// clones and their lockdown; clone-monitor publishes it into XenStore, and the journal says how it came about.

#include <optional>
#include <string>
#include <vector>

#include "host-broker/ports/volume.hpp"
#include "protocol/messages.hpp"

namespace zynclone::broker {

struct CloneDisk {
  std::string device;
  Volume source;
  Volume volume;
  std::string snapshot_name;
  std::uint64_t size = 0;
  bool writable = true;
};

struct CloneVif {
  unsigned index = 0;
  std::string mac;
  std::string bridge;
  std::string backend = "0";
  std::string interface;            // the backend's name for it: at most 11 characters (an emulated one adds "-emu")
};

// What an interface may do while it may speak at all (its mask bit is set).
struct VifAllowance {
  protocol::VifMode mode = protocol::VifMode::unlocked;
  std::vector<std::string> ipv4;    // for VifMode::locked, beside the interface's own MAC
  std::vector<std::string> ipv6;
};

struct Clone {
  CloneName name;
  Uuid uuid;
  OperationId made_by;
  protocol::CloneState state = protocol::CloneState::inactive;
  protocol::CloneMode mode = protocol::CloneMode::online;
  protocol::Consistency consistency = protocol::Consistency::crash;
  Timestamp created{};
  std::string note;
  VifMask original_mask;            // of the original's interfaces while this clone is running or active
  VifMask clone_mask;               // of the clone's own
  VifAllowance original_allowance;
  VifAllowance clone_allowance;
  std::vector<CloneDisk> disks;
  std::vector<CloneVif> vifs;
  std::optional<DomainId> domain;   // while it runs
  protocol::CloneNetwork network = protocol::CloneNetwork::original;
  Uuid generation_id;               // of the VM, told to the guest: new with each copy
  bool awaits_identity = false;     // cloned live, and its agent has not taken its identity yet: silent, whatever its mask says
  std::optional<Timestamp> expires; // it is removed then
  bool is_protected = false;        // against removal
};

// Who the shop sees. The lease `production_of(family)` decides; this is its copy, for publication. See production_member.
struct Production {
  std::optional<Uuid> member;       // none: for the moment of a cutover
  std::uint64_t generation = 0;     // the lease's token; 0: it was never moved
  std::vector<std::string> announce; // IPv4 and IPv6 addresses that move along, told to the network with each move
};

// Since a cutover until somebody commits or undoes it.
struct Probation {
  Uuid from;
  Uuid to;
  Timestamp began{};
  Timestamp ends{};
  protocol::AfterProbation after = protocol::AfterProbation::undo;
  OperationId operation;
};

struct Family {
  VmName vm;
  Uuid uuid;                        // the original's
  Generation generation;            // grows with every change of what follows
  std::vector<CloneVif> vifs;       // the original's; `interface` empty: vif<domid>.<index>
  std::vector<Clone> clones;
  Production production;
  std::optional<Probation> probation;
};

// The member that has production: the original until it is moved for the first time; none for the moment of a cutover.
std::optional<Uuid> production_member(const Family& family);
// A member's name: its clone's, or the VM's for the original; empty for who is none.
std::string member_name(const Family& family, const Uuid& member);
// The member of this name. Errors: not_found.
Result<Uuid> member_named(const Family& family, std::string_view name);

// One interface of one member, as it must be now.
struct VifLockdown {
  unsigned index = 0;
  std::string interface;            // empty: vif<domid>.<index>
  std::string backend = "0";
  std::string mac;
  protocol::VifMode mode = protocol::VifMode::disabled;
  std::vector<std::string> ipv4;
  std::vector<std::string> ipv6;
  std::string bridge;               // it must be on this one; empty: wherever the toolstack put it
};

struct MemberLockdown {
  std::string member;               // a clone's name, or the VM's for the original
  Uuid uuid;
  std::vector<VifLockdown> vifs;
};

// The bridge that a family's isolated clones have for themselves, in the domain of each of their interfaces' backends: `zci-` and ten
// hexadecimal digits that follow from the family's UUID, so that it fits into the kernel's 15 characters.
std::string isolated_bridge(const Uuid& family);
bool is_isolated_bridge(std::string_view name);
// Where the toolstack must put the interface of a clone that starts: on the isolated bridge, unless the clone has production.
std::string bridge_at_start(const Family& family, const Clone& clone, const CloneVif& vif);

// The effect of a family's state on its members' interfaces. The production member has what the original may: all interfaces, and while it
// is the original, what the clones that are running or active leave it (where several say something, a bit must be set in all of them).
// An original that has given production away is silent; a clone that has none has its own mask, and one on the isolated network is unlocked there,
// whatever its mask says: nothing leaves that bridge. One that awaits its identity is silent everywhere. While nobody has production, nobody has its
// interfaces.
std::vector<MemberLockdown> lockdown_of(const Family& family);

}  // namespace zynclone::broker
