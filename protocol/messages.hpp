#pragma once
// The protocol: every message that crosses a boundary, as JSON-RPC 2.0 (https://www.jsonrpc.org/specification). This header
// is the reference; docs/protocol.md shows it by example, and protocol/vectors/<version>/ holds a golden file for each.
//
// Versions
//   1  first version
//
// A struct with `method` is a call or, with `Result = void`, a notification. `direction` says who may send it, and the
// decoder refuses it from anybody else. A field of type std::optional may be absent; any other field with a
// value given here is that value when absent; unknown fields are refused.

#include <variant>

#include "protocol/limits.hpp"
#include "protocol/views.hpp"

namespace zynclone::protocol {

enum class Direction {
  to_broker,          // from a guest's agent or an administrator
  admin_to_broker,    // from an administrator only
  to_guest,           // from the broker to a guest's agent
  both,
};

enum class Effect { reads, changes };  // what changes something takes a request_id and `plan`

// ---- both ways -----------------------------------------------------------------------------------------------------------

// The first message of each side. The lower of the two newest versions counts; no common version closes the channel.
struct Hello {
  static constexpr std::string_view method = "hello";
  static constexpr Direction direction = Direction::both;
  static constexpr Effect effect = Effect::reads;
  using Result = void;
  unsigned oldest_version = k_oldest_version;
  unsigned newest_version = k_newest_version;
  std::vector<std::string> capabilities;  // agent: quiesce, health, cutover, volumes, run, identity. broker: approvals
  std::string software;
};

// ---- to the broker --------------------------------------------------------------------------------------------------------

#define ZYNCLONE_CALL(name, from, what, result)                \
  static constexpr std::string_view method = name;             \
  static constexpr Direction direction = Direction::from;      \
  static constexpr Effect effect = Effect::what;               \
  using Result = result;

struct FamilyShow {
  ZYNCLONE_CALL("family.show", to_broker, reads, FamilyView)
  std::optional<CloneName> after = {};   // only clones after this one
};

// Makes a clone and starts it, locked down, unless `start` is false.
struct CloneCreate {
  ZYNCLONE_CALL("clone.create", to_broker, changes, Accepted)
  CloneName name;
  CloneMode mode = CloneMode::online;
  bool start = true;
  std::string note;
  std::optional<CloneNetwork> network = {}; // absent: as configured
  std::optional<std::uint64_t> ttl_s = {};  // seconds until it is removed; at least 60, at most ten years
};
struct CloneStart { ZYNCLONE_CALL("clone.start", to_broker, changes, Accepted) CloneName name; };
struct CloneStop { ZYNCLONE_CALL("clone.stop", to_broker, changes, Accepted) CloneName name; };
struct CloneActivate { ZYNCLONE_CALL("clone.activate", to_broker, changes, Accepted) CloneName name; };
struct CloneDeactivate { ZYNCLONE_CALL("clone.deactivate", to_broker, changes, Accepted) CloneName name; };
struct CloneRemove { ZYNCLONE_CALL("clone.remove", to_broker, changes, Accepted) CloneName name; };
struct CloneRename { ZYNCLONE_CALL("clone.rename", to_broker, changes, Accepted) CloneName name; CloneName new_name; };
// A protected clone is removed by nobody, its time to live included.
struct CloneProtect { ZYNCLONE_CALL("clone.protect", to_broker, changes, Accepted) CloneName name; };
struct CloneUnprotect { ZYNCLONE_CALL("clone.unprotect", to_broker, changes, Accepted) CloneName name; };
struct CloneShow { ZYNCLONE_CALL("clone.show", to_broker, reads, CloneView) CloneName name; };
struct CloneList {
  ZYNCLONE_CALL("clone.list", to_broker, reads, CloneListing)
  std::optional<CloneName> after = {};   // only those after this one
  std::optional<VmName> after_vm = {};   // its VM, where the list is of more than one
};

// Moves production to a member: a clone's name, or the VM's for the original. A probation begins, which `cutover.commit` or `cutover.undo` ends.
struct CutoverStart {
  ZYNCLONE_CALL("cutover.start", to_broker, changes, Accepted)
  CloneName name;
  std::optional<std::uint64_t> probation_s = {};   // absent: as configured
  std::optional<AfterProbation> after_probation = {};
};
struct CutoverCommit { ZYNCLONE_CALL("cutover.commit", to_broker, changes, Accepted) };
struct CutoverUndo { ZYNCLONE_CALL("cutover.undo", to_broker, changes, Accepted) };
// Leads a family out of what a cutover could not end by itself; with `plan`, says what is wrong. `to`: who is to have production where nobody has.
struct VmRepair {
  ZYNCLONE_CALL("vm.repair", admin_to_broker, changes, Accepted)
  std::optional<CloneName> to = {};      // absent: who has it, else the original
};
struct CutoverShow { ZYNCLONE_CALL("cutover.show", to_broker, reads, CutoverView) };

// Moves one shared volume to a member, as in cutover.start.
struct VolumeSwitch {
  ZYNCLONE_CALL("volume.switch", to_broker, changes, Accepted)
  VolumeName volume;
  CloneName to;
};
struct PeripheralList { ZYNCLONE_CALL("peripheral.list", to_broker, reads, PeripheralListing) };
struct VolumeList { ZYNCLONE_CALL("volume.list", to_broker, reads, VolumeListing) };

struct OperationShow { ZYNCLONE_CALL("operation.show", to_broker, reads, OperationView) OperationId id; };
struct OperationList {
  ZYNCLONE_CALL("operation.list", to_broker, reads, OperationListing)
  std::uint64_t limit = 20;
  std::optional<OperationId> after = {}; // only those older than this one
};
// Ends what has not passed its point of no return; what was done is undone.
struct OperationCancel { ZYNCLONE_CALL("operation.cancel", to_broker, reads, OperationView) OperationId id; };
// The operation as it is; from then on operation.changed for it on this connection.
struct OperationWatch { ZYNCLONE_CALL("operation.watch", to_broker, reads, OperationView) OperationId id; };

struct ApprovalList {
  ZYNCLONE_CALL("approval.list", admin_to_broker, reads, ApprovalListing)
  std::optional<OperationId> after = {}; // only those after this one
};
struct ApprovalAllow { ZYNCLONE_CALL("approval.allow", admin_to_broker, reads, OperationView) OperationId id; std::string reason; };
struct ApprovalDeny { ZYNCLONE_CALL("approval.deny", admin_to_broker, reads, OperationView) OperationId id; std::string reason; };
// Allows what policy would ask about, `times` times until `until`.
struct GrantAdd {
  ZYNCLONE_CALL("grant.add", admin_to_broker, reads, GrantView)
  std::string operations;
  Timestamp until{};
  std::uint64_t times = 1;
};
struct GrantList { ZYNCLONE_CALL("grant.list", admin_to_broker, reads, GrantListing) };
struct GrantRevoke { ZYNCLONE_CALL("grant.revoke", admin_to_broker, reads, GrantView) OperationId id; };
// Entries after `after`, oldest first.
struct AuditList {
  ZYNCLONE_CALL("audit.list", admin_to_broker, reads, AuditListing)
  std::uint64_t after = 0;
  std::uint64_t limit = 100;
};
struct HostHealth { ZYNCLONE_CALL("host.health", admin_to_broker, reads, HostHealthReport) };
// What the agent in a VM says of itself (guest.health). Errors: unavailable when it cannot be reached.
struct AgentHealth {
  ZYNCLONE_CALL("agent.health", admin_to_broker, reads, GuestHealthReport)
  std::optional<CloneName> clone = {};   // absent: the original
};
// Runs a command in a VM through its agent, where that allows it (guest.run). An operation; nothing of it can be taken back.
struct AgentRun {
  ZYNCLONE_CALL("agent.run", admin_to_broker, changes, Accepted)
  std::optional<CloneName> clone = {};   // absent: the original
  std::vector<std::string> command;      // program and arguments, within check_command (protocol/command.hpp); no shell
  std::uint64_t limit_s = 600;           // killed after it; 1 s to a day
};

// ---- to the guest ---------------------------------------------------------------------------------------------------------

// Brings applications and file systems to rest. The agent thaws by itself after `hold_ms`. `token` ties quiesce and thaw.
struct GuestQuiesce {
  ZYNCLONE_CALL("guest.quiesce", to_guest, reads, QuiesceReport)
  OperationId token;
  std::uint64_t hold_ms = 10'000;
};
struct GuestThaw { ZYNCLONE_CALL("guest.thaw", to_guest, reads, ThawReport) OperationId token; };
// A cutover is near. `leaving` may still answer; `taking` has neither network nor volumes yet.
struct GuestPrepareCutover {
  ZYNCLONE_CALL("guest.prepare_cutover", to_guest, reads, PrepareReport)
  OperationId token;
  CutoverSide side = CutoverSide::leaving;
};
// To an agent that woke up in a live clone: everything in the guest that says which machine it is becomes this clone's. Its interfaces stay
// silent until it has answered. The same token again: the same answer, done once.
struct GuestApplyIdentity {
  ZYNCLONE_CALL("guest.apply_identity", to_guest, reads, IdentityReport)
  OperationId token;
  Uuid generation_id;                    // of the VM: new with each copy of it
  std::string hostname;                  // that the clone may take: <vm>-<clone>
  std::vector<VifIdentity> vifs;
};
// Brings what uses the volume to rest, writes out and unmounts it; the device goes afterwards.
struct GuestReleaseVolume {
  ZYNCLONE_CALL("guest.release_volume", to_guest, reads, ReleaseReport)
  VolumeName volume;
  std::string device;
  std::uint64_t token = 0;   // of the lease
};
// The device is there: mounts it and lets what uses it begin.
struct GuestAcquireVolume {
  ZYNCLONE_CALL("guest.acquire_volume", to_guest, reads, AcquireReport)
  VolumeName volume;
  std::string device;
  std::string filesystem;
  std::uint64_t token = 0;
};
struct GuestHealth { ZYNCLONE_CALL("guest.health", to_guest, reads, GuestHealthReport) };
// Runs a command and answers when it has ended. The same token again: the same answer, or waits for it. One at a time.
// Errors: refused where the agent's configuration allows no commands; busy; timed-out when it was killed at its limit;
// not-found with `attach` when this agent knows nothing of the token.
struct GuestRun {
  ZYNCLONE_CALL("guest.run", to_guest, reads, RunReport)
  OperationId token;
  std::vector<std::string> command;
  std::uint64_t limit_ms = 600'000;
  bool attach = false;                   // never begin it: it was begun before
};

#undef ZYNCLONE_CALL

// Notification: an operation of this family, or one that is watched, changed.
struct OperationChanged {
  static constexpr std::string_view method = "operation.changed";
  static constexpr Direction direction = Direction::to_guest;  // and to an administrator's connection
  static constexpr Effect effect = Effect::reads;
  using Result = void;
  OperationView operation;
};

using Method = std::variant<Hello, FamilyShow, CloneCreate, CloneStart, CloneStop, CloneActivate, CloneDeactivate, CloneRemove,
                            CloneRename, CloneProtect, CloneUnprotect, CloneShow, CloneList, CutoverStart, CutoverCommit, CutoverUndo, CutoverShow, VmRepair,
                            VolumeSwitch, VolumeList, PeripheralList, OperationShow, OperationList, OperationCancel, OperationWatch,
                            ApprovalList, ApprovalAllow, ApprovalDeny, GrantAdd, GrantList, GrantRevoke, AuditList, HostHealth, AgentHealth, AgentRun,
                            GuestQuiesce, GuestThaw, GuestPrepareCutover, GuestApplyIdentity, GuestReleaseVolume, GuestAcquireVolume, GuestHealth, GuestRun,
                            OperationChanged>;

// ---- the envelope -----------------------------------------------------------------------------------------------------------

// One call or notification. `vm`, `request_id` and `plan` stand in `params` beside the method's own fields.
struct Request {
  std::optional<std::uint64_t> id;       // JSON-RPC's id; absent in a notification
  Method method;
  std::optional<VmName> vm;              // administrators name the VM; a guest is its channel
  std::optional<RequestId> request_id;   // with Effect::changes; if the caller gave none, the agent or vmclone makes one
  bool plan = false;                     // with Effect::changes: answer what would be done
};

std::string_view method_name(const Method& method);
Effect effect_of(const Method& method);
Direction direction_of(const Method& method);
bool is_notification(const Method& method);

}  // namespace zynclone::protocol
