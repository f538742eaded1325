#pragma once
// One run of a hook or a command: its process, its output, and its end, by itself or by force. On the agent's one thread.

#include <string>

#include "guest-agent-core/command_runs.hpp"
#include "guest-agent-core/hooks.hpp"

namespace zynclone::agent {

// What it leaves running when it ends in time is its own affair (a lock that is held until the thaw, a daemon). After `limit`, or when the
// awaiting coroutine is cancelled, it is killed with its process group and everything that it started elsewhere.
asio::awaitable<HookResult> run_hook(std::string program, HookEvent event, std::string name, HookEnvironment environment, Deadline limit);

// The same for a program with arguments; of its output more may be kept than fits a message. Errors: system, it cannot be started.
asio::awaitable<Result<CommandEnd>> run_command(std::vector<std::string> command, HookEnvironment environment, Deadline limit);

class CommandProcesses final : public CommandPrograms {
 public:
  asio::awaitable<Result<CommandEnd>> run(std::vector<std::string> command, HookEnvironment environment, Deadline limit) override {
    return run_command(std::move(command), std::move(environment), limit);
  }
};

// What a hook wrote, for people: each line printable, at most k_longest_hook_output bytes, its end.
std::string readable_output(std::string_view untrusted_output);

}  // namespace zynclone::agent
