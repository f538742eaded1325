#include "host-broker/sandbox/disk_use.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "protocol/names.hpp"
#include "system/descriptor.hpp"
#include "system/file.hpp"

namespace zynclone::sandbox {
namespace {

constexpr std::size_t k_longest_environment = 1 << 20;
// While execve(2) puts another program in its place, a process has no environment; on a busy machine it may be put off meanwhile.
constexpr unsigned k_most_reads = 200;
constexpr std::chrono::milliseconds k_read_again{1};
// What a process inherited of a file closes without an event, when it becomes another program.
constexpr std::chrono::milliseconds k_look_again{200};

bool has_open(const std::filesystem::path& process, const struct stat& file) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(process / "fd", error), end; !error && entry != end; entry.increment(error)) {
    struct stat other {};
    if (::stat(entry->path().c_str(), &other) == 0 && other.st_dev == file.st_dev && other.st_ino == file.st_ino) return true;
  }
  return false;
}

bool is_of(const GuestProcesses& guest, const std::filesystem::path& process, pid_t pid) {
  if (guest.sessions.contains(::getsid(pid))) return true;
  auto environment = read_file(process / "environ", k_longest_environment);
  for (unsigned again = 0; environment && environment.value().empty() && again < k_most_reads; ++again) {
    std::this_thread::sleep_for(k_read_again);
    environment = read_file(process / "environ", k_longest_environment);
  }
  if (!environment) return false;
  const std::string text = '\0' + environment.value() + '\0';
  return text.find('\0' + guest.marker + '\0') != std::string::npos;
}

asio::awaitable<Result<void>> wait_for_close(asio::posix::stream_descriptor& events, const std::function<std::vector<pid_t>()>& users) {
  char buffer[4096];
  while (!users().empty()) {
    asio::steady_timer timer(co_await asio::this_coro::executor, k_look_again);
    using namespace asio::experimental::awaitable_operators;
    co_await (events.async_wait(asio::posix::stream_descriptor::wait_read, asio::as_tuple(asio::use_awaitable)) ||
              timer.async_wait(asio::as_tuple(asio::use_awaitable)));
    while (::read(events.native_handle(), buffer, sizeof buffer) > 0) continue;
  }
  co_return outcome::success();
}

}  // namespace

std::vector<pid_t> users_of(const std::filesystem::path& file, const GuestProcesses& guest) {
  std::vector<pid_t> found;
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return found;
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc", error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    pid_t pid = 0;
    const auto [stop, wrong] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (wrong != std::errc() || stop != name.data() + name.size() || pid == ::getpid()) continue;
    if (has_open(entry->path(), status) && is_of(guest, entry->path(), pid)) found.push_back(pid);
  }
  return found;
}

asio::awaitable<Result<void>> wait_until_closed(std::filesystem::path file, std::function<std::vector<pid_t>()> users, Deadline limit) {
  if (users().empty()) co_return outcome::success();
  Descriptor watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!watch || ::inotify_add_watch(watch.get(), file.c_str(), IN_CLOSE) < 0)
    co_return fail(Errc::system, "cannot watch '" + printable(file.string()) + "': " + std::strerror(errno));
  asio::posix::stream_descriptor events(co_await asio::this_coro::executor, watch.release());
  co_return co_await with_timeout(wait_for_close(events, users), limit, "waiting until '" + printable(file.string()) + "' is closed");
}

}  // namespace zynclone::sandbox
