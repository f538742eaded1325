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
};

struct Family {
  VmName vm;
  Uuid uuid;                        // the original's
  Generation generation;            // grows with every change of what follows
  std::vector<CloneVif> vifs;       // the original's; `interface` empty: vif<domid>.<index>
  std::vector<Clone> clones;
};

// One interface of one member, as it must be now.
struct VifLockdown {
  unsigned index = 0;
  std::string interface;            // empty: vif<domid>.<index>
  std::string backend = "0";
  std::string mac;
  protocol::VifMode mode = protocol::VifMode::disabled;
  std::vector<std::string> ipv4;
  std::vector<std::string> ipv6;
};

struct MemberLockdown {
  std::string member;               // a clone's name, or the VM's for the original
  Uuid uuid;
  std::vector<VifLockdown> vifs;
};

// The effect of a family's state on its members' interfaces: a clone's mask counts for it always, and for the original while the
// clone is running or active; where several say something about the original, a bit must be set in all of them.
std::vector<MemberLockdown> lockdown_of(const Family& family);

}  // namespace zynclone::broker
