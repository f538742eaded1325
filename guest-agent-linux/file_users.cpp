#include "guest-agent-linux/file_users.hpp"

#include <charconv>
#include <cstdio>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <dirent.h>
#include <optional>
#include <set>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "guest-agent-linux/process_tree.hpp"
#include "protocol/names.hpp"
#include "system/file.hpp"

namespace zynclone::agent {
namespace {

constexpr std::size_t k_most_shown = 5;
constexpr std::size_t k_longest_mappings = 1 << 20;  // bytes of /proc/<pid>/maps

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  const auto close = [](DIR* opened) { ::closedir(opened); };
  const std::unique_ptr<DIR, decltype(close)> opened(::opendir(folder.c_str()), close);
  while (const dirent* entry = opened ? ::readdir(opened.get()) : nullptr) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  return names;
}

// Without asking a server: a file on a network file system that hangs must not hang this.
std::optional<struct statx> status_of(const std::string& path) {
  struct statx status {};
  if (::statx(AT_FDCWD, path.c_str(), AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_INO, &status) != 0) return std::nullopt;
  return status;
}

bool is_on_same_filesystem(const struct statx& one, const struct statx& other) {
  return one.stx_dev_major == other.stx_dev_major && one.stx_dev_minor == other.stx_dev_minor;
}

std::vector<FileUser> processes_where(const std::function<bool(const std::string& folder)>& uses) {
  std::vector<FileUser> users;
  for (const std::string& name : names_in("/proc")) {
    const auto pid = pid_of(name);
    const std::string folder = "/proc/" + name + "/";
    if (!pid || !uses(folder)) continue;
    auto command = read_file(folder + "comm", 256);
    if (command && command.value().ends_with('\n')) command.value().pop_back();
    users.push_back({*pid, command ? printable(command.value()) : "?"});
  }
  return users;
}

// proc(5): "address perms offset dev inode path", dev in hexadecimal.
bool has_mapping_on(const std::string& folder, const std::string& device) {
  const auto mappings = read_file(folder + "maps", k_longest_mappings);
  return mappings && mappings.value().find(" " + device + " ") != std::string::npos;
}

bool is_open_for_writing(const std::string& folder, const std::string& number) {
  constexpr std::string_view k_flags = "flags:\t";
  const auto info = read_file(folder + "fdinfo/" + number, 64 * 1024);
  if (!info) return false;
  const std::size_t begin = info.value().find(k_flags);
  if (begin == std::string::npos) return false;
  int flags = 0;
  const char* const first = info.value().data() + begin + k_flags.size();
  std::from_chars(first, info.value().data() + info.value().size(), flags, 8);
  return (flags & O_ACCMODE) != O_RDONLY;
}

}  // namespace

std::vector<FileUser> users_of_filesystem(const std::string& path) {
  const auto wanted = status_of(path);
  if (!wanted) return {};
  char device[32];
  std::snprintf(device, sizeof device, "%02x:%02x", wanted->stx_dev_major, wanted->stx_dev_minor);
  const auto is_on_it = [&](const std::string& file) {
    const auto status = status_of(file);
    return status && is_on_same_filesystem(*status, *wanted);
  };
  return processes_where([&](const std::string& folder) {
    for (const char* const link : {"cwd", "root", "exe"}) {
      if (is_on_it(folder + link)) return true;
    }
    for (const std::string& number : names_in(folder + "fd")) {
      if (is_on_it(folder + "fd/" + number)) return true;
    }
    return has_mapping_on(folder, device);
  });
}

std::vector<FileUser> writers_of_file(const std::string& path) {
  const auto wanted = status_of(path);
  if (!wanted) return {};
  return processes_where([&](const std::string& folder) {
    for (const std::string& number : names_in(folder + "fd")) {
      const auto status = status_of(folder + "fd/" + number);
      const bool is_it = status && is_on_same_filesystem(*status, *wanted) && status->stx_ino == wanted->stx_ino;
      if (is_it && is_open_for_writing(folder, number)) return true;
    }
    return false;
  });
}

std::vector<MountNamespace> mount_namespaces() {
  const auto number_of = [](const std::string& folder) -> ino_t {
    struct stat status {};
    return ::stat((folder + "ns/mnt").c_str(), &status) == 0 ? status.st_ino : 0;
  };
  const ino_t own = number_of("/proc/self/");
  std::set<ino_t> seen{0};
  std::vector<MountNamespace> spaces;
  // One process in each is enough: it is asked for the first time that its namespace is met.
  for (FileUser& process : processes_where([&](const std::string& folder) { return seen.insert(number_of(folder)).second; })) {
    const bool is_own = number_of("/proc/" + std::to_string(process.process) + "/") == own;
    spaces.push_back({std::move(process), is_own});
  }
  return spaces;
}

std::string to_string(const std::vector<FileUser>& users) {
  std::string text;
  for (std::size_t i = 0; i < users.size() && i < k_most_shown; ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(users[i].process) + " (" + users[i].name + ")";
  }
  if (users.size() > k_most_shown) text += " and " + std::to_string(users.size() - k_most_shown) + " more";
  return text;
}

}  // namespace zynclone::agent
