#include "host-broker/xen/xl_process.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "system/descriptor.hpp"
#include "system/file.hpp"

namespace zynclone::broker::xen {
namespace {

std::vector<std::string> read_arguments(pid_t process) {
  const auto text = read_file("/proc/" + std::to_string(process) + "/cmdline", 64 * 1024);
  std::vector<std::string> arguments;
  if (!text) return arguments;  // ended meanwhile
  for (std::size_t begin = 0; begin < text.value().size();) {
    const auto end = std::min(text.value().find('\0', begin), text.value().size());
    arguments.push_back(text.value().substr(begin, end - begin));
    begin = end + 1;
  }
  return arguments;
}

bool is_own(pid_t process) {
  struct stat status {};
  return ::stat(("/proc/" + std::to_string(process)).c_str(), &status) == 0 && status.st_uid == ::geteuid();
}

// In front of them is xl, or the interpreter of a wrapper and xl.
bool ends_with(const std::vector<std::string>& arguments, const std::vector<std::string>& tail) {
  return arguments.size() > tail.size() && std::equal(tail.rbegin(), tail.rend(), arguments.rbegin());
}

// A process that is just becoming the watcher looks like a builder until it has its session, of which no event tells.
constexpr std::chrono::milliseconds k_look_again{200};

asio::awaitable<Result<void>> wait_for_descriptor(int process) {
  asio::posix::stream_descriptor descriptor(co_await asio::this_coro::executor, process);
  boost::system::error_code error;
  co_await descriptor.async_wait(asio::posix::stream_descriptor::wait_read, asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return fail(Errc::cancelled, "cannot wait for a process: " + error.message());
  co_return outcome::success();
}

}  // namespace

std::vector<std::string> create_arguments(const std::string& xl, const std::string& config_file) {
  return {xl, "create", "-p", "-q", config_file};
}

XlProcesses find_xl_processes(const std::string& config_file) {
  std::vector<std::string> tail = create_arguments("xl", config_file);
  tail.erase(tail.begin());
  XlProcesses found;
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc", error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    pid_t process = 0;
    const auto [stop, wrong] = std::from_chars(name.data(), name.data() + name.size(), process);
    if (wrong != std::errc() || stop != name.data() + name.size() || !is_own(process) ||
        !ends_with(read_arguments(process), tail))
      continue;
    // daemon(3) makes a new session before xl begins to watch.
    if (::getsid(process) == process) found.watcher = process;
    else found.builder = process;
  }
  return found;
}

asio::awaitable<Result<XlProcesses>> wait_for_builder(std::string config_file, Deadline limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  XlProcesses processes = find_xl_processes(config_file);
  while (processes.builder) {
    if (std::chrono::steady_clock::now() >= end)
      co_return took_too_long("xl, which was started earlier and has process id " + std::to_string(*processes.builder) + ",", limit);
    Descriptor descriptor(static_cast<int>(::syscall(SYS_pidfd_open, *processes.builder, 0)));
    if (!descriptor && errno != ESRCH) co_return fail(Errc::system, std::string("cannot wait for xl: ") + std::strerror(errno));
    if (descriptor) (void)co_await with_timeout(wait_for_descriptor(descriptor.release()), k_look_again, "xl");
    processes = find_xl_processes(config_file);
  }
  co_return processes;
}

asio::awaitable<Result<void>> end_watcher(pid_t watcher, Deadline limit) {
  Descriptor descriptor(static_cast<int>(::syscall(SYS_pidfd_open, watcher, 0)));
  if (!descriptor && errno == ESRCH) co_return outcome::success();
  // Through the descriptor: the number may have become another process's.
  if (!descriptor || (::syscall(SYS_pidfd_send_signal, descriptor.get(), SIGTERM, nullptr, 0) != 0 && errno != ESRCH))
    co_return fail(Errc::system, "cannot end xl, process " + std::to_string(watcher) + ": " + std::strerror(errno));
  co_return co_await with_timeout(wait_for_descriptor(descriptor.release()), limit, "ending xl, process " + std::to_string(watcher));
}

}  // namespace zynclone::broker::xen
