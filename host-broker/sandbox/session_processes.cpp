#include "host-broker/sandbox/session_processes.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <charconv>
#include <csignal>
#include <dirent.h>
#include <optional>
#include <string>

#include "system/descriptor.hpp"
#include "system/file.hpp"

extern "C" {
#include <sys/pidfd.h>  // glibc 2.36 forgot to say so itself
}

namespace zynclone::sandbox {
namespace {

constexpr std::size_t k_longest_stat = 4096;

struct ProcessLine {
  char state = 0;
  pid_t session = 0;
};

// "pid (name) state parent group session ..." of proc(5); the name may hold anything, also ')'.
std::optional<ProcessLine> read_process(const std::string& pid) {
  const auto text = read_file("/proc/" + pid + "/stat", k_longest_stat);
  if (!text) return std::nullopt;
  const auto end_of_name = text.value().rfind(") ");
  if (end_of_name == std::string::npos) return std::nullopt;
  ProcessLine line;
  std::string_view rest = std::string_view(text.value()).substr(end_of_name + 2);
  line.state = rest.empty() ? '\0' : rest.front();
  for (int field = 0; field < 3; ++field) rest.remove_prefix(std::min(rest.find(' ') + 1, rest.size()));
  std::from_chars(rest.data(), rest.data() + rest.size(), line.session);
  return line;
}

}  // namespace

std::vector<pid_t> processes_of(const std::set<pid_t>& sessions) {
  std::vector<pid_t> found;
  if (sessions.empty()) return found;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc"), [](DIR* opened) { return ::closedir(opened); });
  if (!folder) return found;
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::string name = entry->d_name;
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || end != name.data() + name.size()) continue;
    const auto line = read_process(name);
    if (line && line->state != 'Z' && line->state != 'X' && sessions.contains(line->session)) found.push_back(pid);
  }
  return found;
}

void signal_sessions(const std::set<pid_t>& sessions, int signal) {
  std::set<pid_t> signalled;
  while (true) {
    bool anybody_new = false;
    for (const pid_t pid : processes_of(sessions)) {
      if (!signalled.insert(pid).second) continue;
      ::kill(pid, signal);
      anybody_new = true;
    }
    if (!anybody_new) return;
  }
}

asio::awaitable<void> wait_for_end_of(std::set<pid_t> sessions) {
  const auto executor = co_await asio::this_coro::executor;
  for (auto left = processes_of(sessions); !left.empty(); left = processes_of(sessions)) {
    Descriptor process(::pidfd_open(left.front(), 0));
    if (!process) continue;  // it has just ended
    asio::posix::stream_descriptor waiting(executor, process.release());
    const auto ended = co_await waiting.async_wait(asio::posix::stream_descriptor::wait_read, asio::as_tuple(asio::use_awaitable));
    if (std::get<0>(ended)) co_return;
  }
}

}  // namespace zynclone::sandbox
