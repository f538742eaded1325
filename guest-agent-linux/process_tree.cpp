#include "guest-agent-linux/process_tree.hpp"

#include <charconv>
#include <csignal>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <string_view>
#include <unistd.h>

#include "system/descriptor.hpp"

namespace zynclone::agent {
namespace {

constexpr int k_most_passes = 10;
constexpr std::size_t k_longest_environment = 256 * 1024;

std::string environment_of(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/environ";
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text(1, '\0');  // so that each assignment has a NUL on either side
  char buffer[4096];
  while (file && text.size() < k_longest_environment) {
    const ssize_t count = ::read(file.get(), buffer, sizeof buffer);
    if (count <= 0) break;
    text.append(buffer, static_cast<std::size_t>(count));
  }
  return text;
}

}  // namespace

std::optional<pid_t> pid_of(std::string_view name) {
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return pid;
}

std::vector<pid_t> processes_with(const std::string& assignment) {
  const std::string wanted = std::string(1, '\0') + assignment + std::string(1, '\0');
  std::vector<pid_t> found;
  const auto close = [](DIR* folder) { ::closedir(folder); };
  const std::unique_ptr<DIR, decltype(close)> folder(::opendir("/proc"), close);
  while (const dirent* entry = folder ? ::readdir(folder.get()) : nullptr) {
    const auto pid = pid_of(entry->d_name);
    if (pid && environment_of(*pid).find(wanted) != std::string::npos) found.push_back(*pid);
  }
  return found;
}

void kill_processes_with(const std::string& assignment) {
  for (int pass = 0; pass < k_most_passes; ++pass) {
    const std::vector<pid_t> found = processes_with(assignment);
    if (found.empty()) return;
    for (const pid_t pid : found) ::kill(pid, SIGKILL);
  }
}

}  // namespace zynclone::agent
