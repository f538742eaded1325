#pragma once
// What messages are made of: the words, the views of families, clones and operations, and the answers. Calls are in protocol/messages.hpp.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/names.hpp"

namespace zynclone::protocol {

// ---- words ---------------------------------------------------------------------------------------------------------

enum class CloneMode { offline, online, live };
enum class CloneState { creating, running, active, inactive, removing };
enum class Consistency { offline, filesystem, crash, live };  // live: with the memory, of the same instant
enum class CloneNetwork { original, isolated };  // which bridges: the original's, or one that the clones of a family have for themselves
enum class PeripheralKind { usb, pci };
enum class VifMode { unlocked, locked, disabled };
enum class OperationState { awaiting_approval, queued, running, succeeded, failed, denied, expired, cancelled };
enum class StepState { pending, running, done, failed, undone };
enum class MemberRole { original, clone };
enum class AfterProbation { undo, commit };     // what becomes of a cutover that nobody decided in time
enum class CutoverSide { leaving, taking };     // production: the member that gives it up, the one that gets it

std::string_view to_string(CloneMode value);
std::string_view to_string(CloneState value);
std::string_view to_string(Consistency value);
std::string_view to_string(CloneNetwork value);
std::string_view to_string(PeripheralKind value);
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
  CloneNetwork network = CloneNetwork::original;
  bool awaits_identity = false;         // cloned live, and its agent has not taken its identity yet: it is silent until then
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

// One interface, as a live clone must know it from now on.
struct VifIdentity {
  unsigned index = 0;
  std::string mac;
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

// A device of the host that follows production.
struct PeripheralView {
  PeripheralName name;
  VmName vm;             // the family's
  PeripheralKind kind = PeripheralKind::usb;
  std::string device;    // as configured: 04b8:0202, 0000:03:00.0
  bool present = false;  // in the host
  std::string holder;    // the member that has it; empty: nobody
  std::string problem;   // for people: unplugged, held by a stranger; empty: none
  std::optional<std::string> location;  // for administrators: bus and address
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
  std::vector<PeripheralView> peripherals;
};
struct PeripheralListing {
  std::vector<PeripheralView> peripherals;  // by VM, then by name
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
struct IdentityReport {
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

}  // namespace zynclone::protocol
