#pragma once
// What run, rehearse and upgrade take alike: the VM, a command after "--", and how long it may take.

#include <string>
#include <vector>

#include "cli/commands/parse.hpp"
#include "cli/session.hpp"
#include "protocol/command.hpp"

namespace zynclone::broker::vmclone {

struct RunOptions {
  std::string vm;
  std::string limit;
  std::vector<std::string> command;

  Result<VmName> parsed_vm() const { return cli::parse_value<VmName>(vm, "VM"); }
  // Checked here too, so that nothing is made for a command that cannot be run.
  Result<std::chrono::seconds> parsed_limit() const {
    TRY(const auto seconds, cli::parse_seconds(limit, "--limit"));
    const auto longest = static_cast<std::uint64_t>(protocol::k_longest_run.count());
    if (seconds >= 1 && seconds <= longest) return std::chrono::seconds(seconds);
    return fail(Errc::invalid_argument, "cannot use limit '" + printable(limit) + "': 1s to 1d are allowed", "--limit");
  }
  Result<void> check_command() const {
    auto fine = protocol::check_command(command);
    if (!fine) return fail(fine.error().code, fine.error().message, "COMMAND");
    return outcome::success();
  }
};

// What rehearse and upgrade take besides.
struct TrialOptions : RunOptions {
  std::string name;
  std::string health_limit = "30s";

  Result<std::chrono::milliseconds> parsed_health_limit() const {
    auto time = parse_duration(health_limit);
    if (!time) return fail(time.error().code, time.error().message, "--health-limit");
    constexpr std::chrono::milliseconds k_least{1};
    constexpr std::chrono::milliseconds k_most = std::chrono::hours(1);
    if (time.value() >= k_least && time.value() <= k_most) return time;
    return fail(Errc::invalid_argument, "cannot use health limit '" + printable(health_limit) + "': 1ms to 1h are allowed", "--health-limit");
  }
};

inline void add_run_options(const cli::Command& command, RunOptions& options) {
  command.argument("VM", options.vm, "the original VM")
      .filled_option("--limit", options.limit, "the command is killed after this time: 30s, 10m, 2h (default: " + options.limit + ")")
      .words_after_dashes("COMMAND", options.command);
}

inline void add_trial_options(const cli::Command& command, TrialOptions& options) {
  add_run_options(command, options);
  command.filled_option("--health-limit", options.health_limit, "so long it may take until all health hooks are content (default: " + options.health_limit + ")");
}

}  // namespace zynclone::broker::vmclone
