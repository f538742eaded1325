#include "host-broker/gateway/link_process.hpp"

#include <boost/asio/redirect_error.hpp>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <poll.h>
extern "C" {
#include <sys/pidfd.h>  // glibc 2.36 forgot to say so itself
}
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "host-broker/gateway/link_exit.hpp"
#include "protocol/channel/unix_channel.hpp"
#include "system/spawn_setup.hpp"

namespace zynclone::broker::gateway {
namespace {

using asio::posix::stream_descriptor;

constexpr int k_links_descriptor = 3;      // the one after standard error
constexpr int k_death_ms = 1000;           // from SIGKILL to the end
constexpr std::chrono::seconds k_death{1};

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
  const int process = ::pidfd_open(id, 0);
  if (process < 0) {
    const int error = errno;
    ::kill(id, SIGKILL);
    ::waitpid(id, nullptr, 0);
    return fail(Errc::system, std::string("cannot watch a process: ") + std::strerror(error));
  }
  LinkProcess started(id, std::make_unique<stream_descriptor>(executor, process));
  return Started{std::move(started), std::move(channel)};
}

LinkProcess::~LinkProcess() {
  if (!process_ || status_) return;
  kill();
  pollfd ended{process_->native_handle(), POLLIN, 0};
  ::poll(&ended, 1, k_death_ms);
  reap();
}

void LinkProcess::kill() {
  if (process_ && !status_) ::pidfd_send_signal(process_->native_handle(), SIGKILL, nullptr, 0);
}

asio::awaitable<int> LinkProcess::ended(Deadline limit) {
  const bool ended = co_await ended_within(limit);
  if (!ended) {
    kill();
    co_await ended_within(k_death);
  }
  reap();
  co_return status_.value_or(128 + SIGKILL);
}

asio::awaitable<bool> LinkProcess::ended_within(Deadline limit) {
  using namespace asio::experimental::awaitable_operators;
  if (status_) co_return true;
  asio::steady_timer timer(co_await asio::this_coro::executor, limit);
  auto first = co_await (process_->async_wait(stream_descriptor::wait_read, asio::use_awaitable) || timer.async_wait(asio::use_awaitable));
  co_return first.index() == 0;
}

void LinkProcess::reap() {
  if (status_) return;
  siginfo_t info{};
  if (::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(process_->native_handle()), &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0)
    return;
  status_ = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
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
