#include "host-broker/xen/xl_process.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
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

// In front of them is xl, or the interpreter of a wrapper and xl.
bool ends_with(const std::vector<std::string>& arguments, const std::vector<std::string>& tail) {
  return arguments.size() > tail.size() && std::equal(tail.rbegin(), tail.rend(), arguments.rbegin());
}

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
    if (wrong != std::errc() || stop != name.data() + name.size() || !ends_with(read_arguments(process), tail)) continue;
    // daemon(3) makes a new session before xl begins to watch.
    if (::getsid(process) == process) found.watched = true;
    else found.builder = process;
  }
  return found;
}

asio::awaitable<Result<void>> wait_for_process(pid_t process, Deadline limit) {
  Descriptor descriptor(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
  if (!descriptor && errno == ESRCH) co_return outcome::success();
  if (!descriptor) co_return fail(Errc::system, "cannot wait for process " + std::to_string(process) + ": " + std::strerror(errno));
  std::string what = "waiting for process " + std::to_string(process);
  co_return co_await with_timeout(wait_for_descriptor(descriptor.release()), limit, std::move(what));
}

}  // namespace zynclone::broker::xen
