#pragma once
// What ZynClone's agent answers, as plain values. They are copies: nothing in them refers to a Client. Needs C++17.
//
// Rule for their evolution: fields and enumerators are added only together with a new soversion of libzynclone-client.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#define ZYNCLONE_CLIENT_API __attribute__((visibility("default")))

namespace zynclone::client {

// ---- errors ------------------------------------------------------------------------------------------------------------

enum class ErrorCode {
  malformed,            // an answer that cannot be understood
  too_large,
  unsupported_version,
  unknown_method,       // an agent or broker older than this library
  invalid_argument,
  refused,              // not allowed, or no such thing: a guest is not told which
  not_found,
  already_exists,
  conflict,             // not in this state
  busy,                 // another operation holds what this one needs
  limit_exceeded,
  rate_limited,
  no_space,
  timed_out,            // no answer in time; what was asked may still happen
  unavailable,          // the agent, or the broker behind it, is not there
  moved,                // this VM woke up as a clone: ask again, as the clone
  denied,               // by an approver
  expired,              // nobody approved in time
  cancelled,
  configuration,
  storage,
  xen,
  system,
  internal,
};

// "already-exists", as on the wire.
ZYNCLONE_CLIENT_API const char* to_string(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;  // "cannot <verb> '<thing>': <cause>", printable
  std::string place;    // what in the request, or which device; may be empty
};

// A value, or why there is none. Looking at the one that is not there throws std::bad_variant_access: it is a bug of the caller.
template <class T>
class Result {
 public:
  Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : content_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return content_.index() == 0; }
  const T& value() const& { return std::get<0>(content_); }
  T&& value() && { return std::get<0>(std::move(content_)); }
  const T& operator*() const { return value(); }
  const T* operator->() const { return &value(); }
  const Error& error() const { return std::get<1>(content_); }

 private:
  std::variant<T, Error> content_;
};

// ---- clones ------------------------------------------------------------------------------------------------------------

enum class CloneMode { offline, online, live };          // made of a VM that is shut down, or that runs on; live: with its memory
enum class CloneState { creating, running, active, inactive, removing };
enum class Consistency { offline, filesystem, crash, live };  // of the disks at the instant of cloning
enum class CloneNetwork { original, isolated };          // the original's bridges, or one of the family's isolated clones alone
enum class VifMode { unlocked, locked, disabled };

struct Vif {
  unsigned index = 0;
  VifMode mode = VifMode::disabled;
  std::string mac;
};

struct Disk {
  std::string device;      // xvda
  std::string format;      // lvm-thin, qcow2, raw
  std::uint64_t size = 0;  // bytes
};

struct Clone {
  std::string name;
  std::string vm;          // its original
  std::string uuid;
  CloneState state = CloneState::inactive;
  CloneMode mode = CloneMode::online;
  Consistency consistency = Consistency::crash;
  std::chrono::system_clock::time_point created;
  std::vector<Vif> vifs;
  std::vector<Disk> disks;
  std::string note;
  std::optional<std::chrono::system_clock::time_point> expires;  // it is removed then, unless it is protected
  bool is_protected = false;
  CloneNetwork network = CloneNetwork::original;
};

enum class AfterProbation { undo, commit };   // what becomes of a cutover that nobody decided in time

// A cutover that is neither committed nor undone yet.
struct Probation {
  std::string from;        // the member that had production before
  std::string to;          // the one that has it now
  std::chrono::system_clock::time_point began;
  std::chrono::system_clock::time_point ends;
  AfterProbation after = AfterProbation::undo;
  std::string operation;   // id of the one that began it
};

// A disk that one member of the family has at a time.
struct Volume {
  std::string name;
  std::string device;      // as the guest names it: xvds
  std::string filesystem;  // a hint; empty: none
  std::string holder;      // the member that has its lease; empty: nobody
  bool is_attached = false;  // to the holder
  std::string problem;     // for people; empty: none
};

// A device of the host that follows production.
struct Peripheral {
  std::string name;
  std::string kind;        // usb, pci
  std::string device;      // 04b8:0202, 0000:03:00.0
  bool is_present = false; // plugged into the host
  std::string holder;      // the member that has it; empty: nobody
  std::string problem;     // for people; empty: none
};

struct Cutover {
  std::string production;  // the production member's name; empty: none at the moment
  std::uint64_t generation = 0;  // grows with every move of production
  std::optional<Probation> probation;
  std::vector<Volume> volumes;
  std::vector<Peripheral> peripherals;
};

struct Family {
  std::string vm;          // the original's name
  std::string uuid;
  std::string self;        // the name of the member that this program runs in
  bool is_clone = false;   // is that a clone?
  std::string production;  // the production member's name; empty: none at the moment
  std::optional<Probation> probation;
  std::vector<Vif> vifs;   // of the original
  std::vector<Clone> clones;
};

// ---- operations --------------------------------------------------------------------------------------------------------

enum class OperationState { awaiting_approval, queued, running, succeeded, failed, denied, expired, cancelled };
enum class StepState { pending, running, done, failed, undone };

struct Step {
  std::string name;                 // for programs
  StepState state = StepState::pending;
  std::string text;                 // for people
  std::optional<unsigned> percent;  // where there is something to measure
};

struct Operation {
  std::string id;          // permanent; valid also after a restart of everything
  std::string kind;        // clone.create
  std::string target;      // the clone's or member's name
  OperationState state = OperationState::queued;
  unsigned percent = 0;
  std::string requester;
  std::chrono::system_clock::time_point created;
  std::vector<Step> steps;
  std::string summary;     // one sentence for people, at the end
  std::optional<Error> error;
  std::optional<Clone> clone;

  bool finished() const {
    return state != OperationState::awaiting_approval && state != OperationState::queued && state != OperationState::running;
  }
  bool succeeded() const { return state == OperationState::succeeded; }
};

// What a change would do.
struct Plan {
  std::string kind;
  std::string target;
  std::string decision;            // allow, ask, or refused
  std::vector<std::string> steps;  // for people
};

}  // namespace zynclone::client
