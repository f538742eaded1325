#pragma once
// Runs the commands that the host's administrator asks for, one at a time, and remembers what the last one came to for a broker that lost the
// channel or was restarted meanwhile. Owned by Agent; runs on its one thread.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "guest-agent-core/hooks.hpp"
#include "guest-agent-core/one_at_a_time.hpp"
#include "guest-agent-core/quiesce.hpp"
#include "protocol/messages.hpp"

namespace zynclone::agent {

struct CommandEnd {
  bool in_time = true;   // false: it was killed at its limit
  unsigned status = 0;   // its exit status; 128 and the signal's number where one ended it
  std::string output;    // both streams, printable lines, its end
};

// Starts programs. Real: agent::linux CommandProcesses. Tests: FakeCommandPrograms.
class CommandPrograms {
 public:
  virtual ~CommandPrograms() = default;
  // Runs one to its end, from "/" and without a shell. What takes longer than `limit` is killed with every process that it started, and so is all
  // of it when the awaiting coroutine is cancelled. Errors: system when it cannot be started.
  virtual asio::awaitable<Result<CommandEnd>> run(std::vector<std::string> command, HookEnvironment environment, Deadline limit) = 0;
};

class CommandRuns {
 public:
  // `programs` null: this guest's configuration allows no commands. `common` as for Hooks.
  CommandRuns(CommandPrograms* programs, const Quiescer& quiescer, std::function<HookEnvironment()> common)
      : programs_(programs), quiescer_(quiescer), common_(std::move(common)) {}

  // The same token again: waits for it, or the same answer. Errors: refused, busy, invalid_argument, not_found (with `attach`), timed_out when it
  // was killed at its limit, system; what was given to drop().
  asio::awaitable<Result<protocol::RunReport>> run(protocol::GuestRun call);

  // Ends what runs: it is killed. What ran before is forgotten.
  void drop(Error why);

  bool is_running() const { return calls_.running().has_value(); }

 private:
  using Outcome = Result<protocol::RunReport>;

  Result<void> check(const protocol::GuestRun& call) const;
  asio::awaitable<Outcome> run_program(protocol::GuestRun call);

  CommandPrograms* programs_;
  const Quiescer& quiescer_;
  std::function<HookEnvironment()> common_;
  OneAtATime<OperationId, protocol::RunReport> calls_;
};

}  // namespace zynclone::agent
