#pragma once
// Hooks: an administrator's programs that the agent runs on an event, one folder an event. Hooks decides on order and time; the
// programs themselves are behind HookPrograms. Runs on the agent's one thread.

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "system/async.hpp"

namespace zynclone::agent {

enum class HookEvent {
  quiesce,     // bring an application to rest: in order, the first that fails ends it
  thaw,        // undo `quiesce`: in reverse order, all of them, also after a failure
  health,      // is the application well? all of them
  interfaces,  // what the guest's network interfaces may do has changed: all of them
  identity,    // this VM is a clone now (or another clone): all of them
  // In order, the first that fails ends it:
  apply_identity,   // the host asks that this guest becomes the clone that it is
  prepare_cutover,  // production will leave this VM, or come to it
  release_volume,   // before a shared volume is unmounted: stop what uses it
  acquire_volume,   // after a shared volume was mounted: start what uses it
};
std::string_view to_string(HookEvent event);

using HookEnvironment = std::map<std::string, std::string>;  // ZYNCLONE_…; values are checked names, numbers and words

struct HookResult {
  std::string name;
  std::optional<Error> error;  // nullopt: it ended with status 0 in time; else with the last line that it said
  std::string output;          // both streams, printable, the last k_longest_hook_output bytes
};

inline constexpr std::size_t k_longest_hook_output = 4096;

// The programs of each event. Real: agent::linux HookFolder. Tests: FakeHookPrograms.
class HookPrograms {
 public:
  virtual ~HookPrograms() = default;

  // The names of those that may run, sorted.
  virtual std::vector<std::string> list(HookEvent event) = 0;

  // Runs one to its end. What takes longer than `limit` is killed with every process that it started, and so is all of it when the
  // awaiting coroutine is cancelled.
  virtual asio::awaitable<HookResult> run(HookEvent event, std::string name, HookEnvironment environment, Deadline limit) = 0;
};

struct HookLimits {
  Deadline each = std::chrono::seconds(10);
  Deadline total = std::chrono::seconds(30);        // of one event
  Deadline least_for_thaw = std::chrono::seconds(1);  // a thaw hook gets this also when the total is used up, as all must run
};

struct HookReport {
  std::vector<HookResult> results;  // of those that ran, as they ran
  const HookResult* first_failure() const;
};

class Hooks {
 public:
  // `common` is what every hook is told beside what belongs to its event.
  Hooks(HookPrograms& programs, HookLimits limits, std::function<HookEnvironment()> common)
      : programs_(programs), limits_(limits), common_(std::move(common)) {}

  // Logs each failure with the last line of the hook's output.
  asio::awaitable<HookReport> run(HookEvent event, HookEnvironment environment);

 private:
  HookPrograms& programs_;
  HookLimits limits_;
  std::function<HookEnvironment()> common_;
};

}  // namespace zynclone::agent
