#include "host-broker/gateway/link_process.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include "host-broker/gateway/link_exit.hpp"
#include "protocol/channel/unix_channel.hpp"
#include "system/spawn_setup.hpp"

namespace zynclone::broker::gateway {
namespace {

constexpr int k_links_descriptor = 3;       // the one after standard error
constexpr std::chrono::seconds k_death{1};  // from SIGKILL to the end

std::vector<std::string> arguments_of(const LinkCommand& command) {
  std::vector<std::string> arguments = {command.program,    "--fd",        std::to_string(k_links_descriptor),
                                        "--domain",         std::to_string(command.domain.value),
                                        "--transport",      command.transport};
  if (!command.path.empty()) arguments.insert(arguments.end(), {"--path", command.path});
  return arguments;
}

// Where the sandbox's XenStore is; nothing else of the broker's environment is the link's business.
std::vector<std::string> environment() {
  std::vector<std::string> assignments;
  for (const char* name : {"XENSTORED_PATH", "JOURNAL_STREAM"})
    if (const char* value = std::getenv(name)) assignments.push_back(std::string(name) + "=" + value);
  return assignments;
}

Result<pid_t> spawn_link(const LinkCommand& command, int socket) {
  const SpawnSetup setup({k_null_descriptor, k_null_descriptor, STDERR_FILENO, socket}, "/");
  pid_t id = 0;
  const int error = setup.spawn(id, command.program, arguments_of(command), environment());
  if (error != 0) return fail(Errc::system, "cannot start '" + command.program + "': " + std::strerror(error));
  return id;
}

}  // namespace

Result<LinkProcess::Started> LinkProcess::start(asio::any_io_executor executor, const LinkCommand& command) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return fail(Errc::system, std::string("cannot make a socket pair: ") + std::strerror(errno));
  Descriptor ours(ends[0]);
  const Descriptor links(ends[1]);
  TRY(auto channel, channel::UnixChannel::adopt(executor, std::move(ours)));
  TRY(const pid_t id, spawn_link(command, links.get()));
  TRY(auto process, WatchedChild::adopt(executor, id, command.program));
  return Started{LinkProcess(std::make_unique<WatchedChild>(std::move(process))), std::move(channel)};
}

LinkProcess::~LinkProcess() {
  if (!process_ || process_->is_reaped()) return;
  process_->kill();
  process_->ends_within(k_death);
}

asio::awaitable<int> LinkProcess::ended(Deadline limit) {
  const bool ended = co_await process_->ended_within(limit);
  if (!ended) {
    process_->kill();
    co_await process_->ended_within(k_death);
  }
  co_return process_->status().value_or(128 + SIGKILL);
}

std::string describe_end(int status) {
  if (status < 128) return std::string(describe(static_cast<LinkExit>(status)));
  const int signal = status - 128;
  const char* name = ::sigabbrev_np(signal);
  std::string text = "it was killed by signal " + std::to_string(signal) + (name != nullptr ? std::string(" (SIG") + name + ")" : "");
  if (signal == SIGSYS) text += ": it made a system call that it may not make";
  return text;
}

}  // namespace zynclone::broker::gateway
