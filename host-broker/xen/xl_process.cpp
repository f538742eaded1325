#include "host-broker/xen/xl_process.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <functional>
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

// But for the first: in front of the others is xl, or the interpreter of a wrapper and xl.
bool ends_with(const std::vector<std::string>& arguments, const std::vector<std::string>& command) {
  return arguments.size() >= command.size() && std::equal(command.rbegin(), command.rend() - 1, arguments.rbegin());
}

std::vector<pid_t> own_processes(const std::function<bool(const std::vector<std::string>&)>& is_wanted) {
  std::vector<pid_t> found;
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc", error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    pid_t process = 0;
    const auto [stop, wrong] = std::from_chars(name.data(), name.data() + name.size(), process);
    if (wrong == std::errc() && stop == name.data() + name.size() && is_own(process) && is_wanted(read_arguments(process))) found.push_back(process);
  }
  return found;
}

// A process that is just becoming the watcher looks like a builder until it has its session, of which no event tells.
constexpr std::chrono::milliseconds k_ask_again{200};

asio::awaitable<Result<void>> wait_for_descriptor(int process) {
  asio::posix::stream_descriptor descriptor(co_await asio::this_coro::executor, process);
  boost::system::error_code error;
  co_await descriptor.async_wait(asio::posix::stream_descriptor::wait_read, asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return fail(Errc::cancelled, "cannot wait for a process: " + error.message());
  co_return outcome::success();
}

asio::awaitable<Result<void>> signal_process(pid_t process, int signal, Deadline limit, std::string what) {
  const std::string named = what + ' ' + std::to_string(process);
  Descriptor descriptor(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
  if (!descriptor && errno == ESRCH) co_return outcome::success();
  // Through the descriptor: the number may have become another process's.
  if (!descriptor || (::syscall(SYS_pidfd_send_signal, descriptor.get(), signal, nullptr, 0) != 0 && errno != ESRCH))
    co_return fail(Errc::system, "cannot end " + named + ": " + std::strerror(errno));
  co_return co_await with_timeout(wait_for_descriptor(descriptor.release()), limit, "ending " + named);
}

}  // namespace

std::vector<std::string> create_arguments(const std::string& xl, const std::string& config_file) {
  return {xl, "create", "-p", "-q", config_file};
}

std::vector<std::string> restore_arguments(const std::string& xl, const std::string& config_file, const std::string& image_file) {
  return {xl, "restore", "-p", config_file, image_file};
}

XlProcesses find_xl_processes(const std::string& config_file) {
  XlProcesses found;
  const std::vector<pid_t> builders = own_processes([&](const std::vector<std::string>& arguments) {
    const std::string image = arguments.empty() ? std::string() : arguments.back();
    return ends_with(arguments, create_arguments("xl", config_file)) || ends_with(arguments, restore_arguments("xl", config_file, image));
  });
  for (const pid_t process : builders) {
    // daemon(3) makes a new session before xl begins to watch.
    if (::getsid(process) == process) found.watcher = process;
    else found.builder = process;
  }
  return found;
}

std::optional<pid_t> find_save_process(DomainId domain) {
  constexpr std::string_view k_program = "zynclone-save";
  const std::string number = std::to_string(domain.value);
  const std::vector<pid_t> found = own_processes([&](const std::vector<std::string>& arguments) {
    // In front of the program may be the interpreter of a wrapper; behind the domain are the file and what must stay free.
    const auto program = std::find_if(arguments.begin(), arguments.end(), [&](const std::string& argument) { return argument.ends_with(k_program); });
    return program - arguments.begin() <= 1 && arguments.end() - program >= 3 && *(program + 1) == number;
  });
  return found.empty() ? std::nullopt : std::optional(found.front());
}

asio::awaitable<Result<void>> wait_for_process(pid_t process, Deadline limit) {
  Descriptor descriptor(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
  if (!descriptor && errno == ESRCH) co_return outcome::success();
  if (!descriptor) co_return fail(Errc::system, "cannot wait for process " + std::to_string(process) + ": " + std::strerror(errno));
  co_return co_await with_timeout(wait_for_descriptor(descriptor.release()), limit, "the end of process " + std::to_string(process));
}

asio::awaitable<Result<void>> kill_process(pid_t process, Deadline limit) { return signal_process(process, SIGKILL, limit, "process"); }

asio::awaitable<Result<XlProcesses>> wait_for_builder(std::string config_file, Deadline limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  XlProcesses processes = find_xl_processes(config_file);
  while (processes.builder) {
    if (std::chrono::steady_clock::now() >= end)
      co_return took_too_long("xl, which was started earlier and has process id " + std::to_string(*processes.builder) + ",", limit);
    Descriptor descriptor(static_cast<int>(::syscall(SYS_pidfd_open, *processes.builder, 0)));
    if (!descriptor && errno != ESRCH) co_return fail(Errc::system, std::string("cannot wait for xl: ") + std::strerror(errno));
    if (descriptor) (void)co_await with_timeout(wait_for_descriptor(descriptor.release()), k_ask_again, "xl");
    processes = find_xl_processes(config_file);
  }
  co_return processes;
}

asio::awaitable<Result<void>> end_watcher(pid_t watcher, Deadline limit) { return signal_process(watcher, SIGTERM, limit, "xl, process"); }

}  // namespace zynclone::broker::xen
