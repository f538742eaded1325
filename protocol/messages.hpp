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

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/limits.hpp"
#include "protocol/names.hpp"

namespace zynclone::protocol {

enum class Direction {
  to_broker,          // from a guest's agent or an administrator
  admin_to_broker,    // from an administrator only
  to_guest,           // from the broker to a guest's agent
  both,
};

enum class Effect { reads, changes };  // what changes something takes a request_id and `plan`

// ---- words ---------------------------------------------------------------------------------------------------------

enum class CloneMode { offline, online };
enum class CloneState { creating, running, active, inactive, removing };
enum class Consistency { offline, filesystem, crash };
enum class VifMode { unlocked, locked, disabled };
enum class OperationState { awaiting_approval, queued, running, succeeded, failed, denied, expired, cancelled };
enum class StepState { pending, running, done, failed, undone };
enum class MemberRole { original, clone };
enum class AfterProbation { undo, commit };     // what becomes of a cutover that nobody decided in time
enum class CutoverSide { leaving, taking };     // production: the member that gives it up, the one that gets it

Result<CloneMode> parse_clone_mode(std::string_view text);
std::string_view to_string(CloneMode value);
std::string_view to_string(CloneState value);
std::string_view to_string(Consistency value);
std::string_view to_string(VifMode value);
std::string_view to_string(OperationState value);
std::string_view to_string(StepState value);
std::string_view to_string(MemberRole value);
std::string_view to_string(AfterProbation value);
std::string_view to_string(CutoverSide value);
bool is_final(OperationState state);

// ---- views: what answers hold ----------------------------------------------------------------------------------------

struct VifView {
  unsigned index = 0;
  VifMode mode = VifMode::disabled;
  std::string mac;
};

struct DiskView {
  std::string device;    // as the guest names it: xvda
  std::string format;    // lvm-thin, qcow2, raw
  std::uint64_t size = 0;  // bytes, as the guest sees it
  std::optional<std::string> location;  // for administrators
};

struct CloneView {
  CloneName name;
  VmName vm;
  Uuid uuid;
  CloneState state = CloneState::inactive;
  CloneMode mode = CloneMode::online;
  Consistency consistency = Consistency::crash;
  Timestamp created{};
  std::uint64_t original_vif_mask = 0;
  std::uint64_t clone_vif_mask = 0;
  std::vector<VifView> vifs;
  std::vector<DiskView> disks;
  std::string note;
  std::optional<Timestamp> expires;     // it is removed then
  bool is_protected = false;            // against removal
  std::optional<std::uint32_t> domain;  // for administrators, while it runs
};

// A cutover that is neither committed nor undone yet.
struct ProbationView {
  std::string from;      // the member that had production before
  std::string to;        // the member that has it now
  Timestamp began{};
  Timestamp ends{};
  AfterProbation after = AfterProbation::undo;
  OperationId operation; // the cutover.start
};

struct FamilyView {
  VmName vm;
  Uuid uuid;
  std::string self;                    // the asking member's name; empty for an administrator
  MemberRole role = MemberRole::original;
  std::string production;              // the production member's name; empty for the moment of a cutover
  std::uint64_t production_generation = 0;  // grows with every move of production
  std::optional<ProbationView> probation;
  std::uint64_t generation = 0;
  std::vector<VifView> vifs;           // of the original
  std::vector<CloneView> clones;       // by name
  bool more = false;                   // clones than fit here: ask again, after the last one
};

struct ErrorView {
  std::string code;     // to_string(Errc)
  std::string message;
  std::string place;
};

struct StepView {
  std::string name;      // for programs: quiesce, snapshot xvda
  StepState state = StepState::pending;
  std::string text;      // for people: "quiesced pos1 (1.2 s, 2 hooks)"; what would be done while pending
  std::optional<unsigned> percent;
  bool warning = false;  // done, but not as well as it should be: the guest did not quiesce
};

// Which rule decided; never sent to a guest.
struct DecisionView {
  std::string decision;  // allow, ask, deny
  std::string place;     // file:line, or "administrator"
};

struct OperationView {
  OperationId id;
  std::string kind;      // the method asked for: clone.create
  VmName vm;
  std::string target;    // the clone's name
  std::string detail;    // for people, what else was asked: "mode online, not started, note: …", "to again"
  OperationState state = OperationState::queued;
  unsigned percent = 0;
  std::string requester; // a member's name, or "admin:<user>"
  Timestamp created{};
  std::optional<Timestamp> finished;
  std::vector<StepView> steps;
  std::string summary;   // one sentence at the end: "clone upgrade-1 is running: …"
  std::optional<ErrorView> error;
  std::optional<CloneView> clone;
  std::optional<DecisionView> decision;  // for administrators
};

struct VolumeView {
  VolumeName name;
  VmName vm;             // the family's
  std::string device;    // as the guest names it: xvds
  std::string filesystem; // a hint for the guest; empty: none
  std::string holder;    // the member that has its lease; empty: nobody
  std::uint64_t token = 0;  // of the lease: grows with each
  bool attached = false; // to the holder
  std::string problem;   // for people: held by a stranger, say; empty: none
  std::optional<std::string> location;  // for administrators
};

// An administrator's word, ahead of time, that something may be done.
struct GrantView {
  OperationId id;
  VmName vm;
  std::string operations; // a pattern, as in policy: cutover.*
  Timestamp created{};
  Timestamp until{};
  std::uint64_t times = 1;  // how often it may be used
  std::uint64_t used = 0;
  std::string by;        // admin:<user>
};

struct ApprovalView {
  OperationView operation;
  Timestamp expires{};
  unsigned approvers_needed = 1;
  std::vector<std::string> allowed_by;
};

struct AuditEntry {
  std::uint64_t sequence = 0;
  Timestamp time{};
  std::string actor;      // vm/member, admin:<user>, broker
  std::string event;      // requested, allowed, denied, started, succeeded, …
  std::string operation;  // an operation's id, or empty
  std::string detail;
  std::string previous;   // hash of the entry before; 64 zeros for the first
  std::string hash;       // SHA-256 over all of the above
};

struct HealthCheck {
  std::string name;
  bool healthy = false;
  std::string detail;
};

// ---- answers that are no view themselves ---------------------------------------------------------------------------------

// To everything that changes something. With `plan: true`, `plan` instead of `operation`.
struct PlanView {
  std::string kind;
  VmName vm;
  std::string target;
  std::string decision;                // allow, ask, or refused
  std::optional<std::string> place;    // for administrators
  std::vector<StepView> steps;
};
struct Accepted {
  std::optional<OperationView> operation;
  std::optional<PlanView> plan;
};

// One page of a list each: as much as fits a message. `more`: there are others; ask again with `after`, the last one here.
struct CloneListing {
  std::vector<CloneView> clones;         // by VM, then by name
  bool more = false;
};
struct OperationListing {
  std::vector<OperationView> operations; // newest first
  bool more = false;
};
struct ApprovalListing {
  std::vector<ApprovalView> approvals;   // oldest operation first
  bool more = false;
};
struct AuditListing {
  std::vector<AuditEntry> entries;       // oldest first
  bool more = false;
  std::uint64_t last = 0;                // the newest entry of all; 0: there is none
};
struct CutoverView {
  std::string production;              // the member's name; empty for the moment of a cutover
  std::uint64_t generation = 0;        // production's
  std::optional<ProbationView> probation;
  std::vector<VolumeView> volumes;
};
struct VolumeListing {
  std::vector<VolumeView> volumes;     // by VM, then by name
};
struct GrantListing {
  std::vector<GrantView> grants;       // those that may still be used, oldest first
};
struct HostHealthReport {
  std::string version;
  bool healthy = false;
  std::vector<HealthCheck> checks;
};
struct QuiesceReport {
  unsigned hooks = 0;                  // that ran
  std::vector<std::string> frozen;     // mount points
  std::uint64_t duration_ms = 0;
};
struct ThawReport {
  unsigned hooks = 0;
  bool was_quiesced = false;           // false: the agent had thawed by itself (its time limit), so what was done meanwhile is not consistent
};
struct PrepareReport {
  unsigned hooks = 0;                  // that ran
};
struct ReleaseReport {
  unsigned hooks = 0;
  bool was_mounted = false;
};
struct AcquireReport {
  unsigned hooks = 0;
  std::string mount_point;             // empty: not mounted, its hooks use the device
};
struct GuestHealthReport {
  bool healthy = false;
  std::vector<HealthCheck> checks;     // one a hook
};
struct RunReport {
  unsigned status = 0;                 // the command's exit status; 128 and the signal's number where one ended it
  std::string output;                  // the end of what it wrote, printable, at most k_longest_run_output bytes
};

// ---- both ways -----------------------------------------------------------------------------------------------------------

// The first message of each side. The lower of the two newest versions counts; no common version closes the channel.
struct Hello {
  static constexpr std::string_view method = "hello";
  static constexpr Direction direction = Direction::both;
  static constexpr Effect effect = Effect::reads;
  using Result = void;
  unsigned oldest_version = k_oldest_version;
  unsigned newest_version = k_newest_version;
  std::vector<std::string> capabilities;  // agent: quiesce, health, cutover, volumes, run. broker: approvals
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
                            VolumeSwitch, VolumeList, OperationShow, OperationList, OperationCancel, OperationWatch,
                            ApprovalList, ApprovalAllow, ApprovalDeny, GrantAdd, GrantList, GrantRevoke, AuditList, HostHealth, AgentHealth, AgentRun,
                            GuestQuiesce, GuestThaw, GuestPrepareCutover, GuestReleaseVolume, GuestAcquireVolume, GuestHealth, GuestRun,
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
