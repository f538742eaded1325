#include "host-broker/xen/xl_watchers.hpp"

#include <unistd.h>

#include <charconv>
#include <csignal>
#include <filesystem>
#include <string_view>
#include <sys/stat.h>

namespace zynclone::broker::xen {
namespace {

constexpr std::string_view k_deleted = " (deleted)";

// The log's name, or what a rotation has made of it: xl-pos1.log.2
bool is_log(std::string_view target, const std::string& log) {
  if (target.ends_with(k_deleted)) target.remove_suffix(k_deleted.size());
  if (!target.starts_with(log)) return false;
  target.remove_prefix(log.size());
  return target.empty() || (target.front() == '.' && target.find_first_not_of("0123456789", 1) == std::string_view::npos);
}

}  // namespace

std::vector<pid_t> find_xl_watchers(const std::string& domain_name, const WatcherPlaces& places) {
  const std::string log = places.logs + "/xl-" + domain_name + ".log";
  std::vector<pid_t> found;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(places.processes, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    pid_t process = 0;
    const auto [stop, wrong] = std::from_chars(name.data(), name.data() + name.size(), process);
    if (wrong != std::errc() || stop != name.data() + name.size()) continue;
    struct stat status {};
    if (::stat(entry->path().c_str(), &status) != 0 || status.st_uid != ::geteuid()) continue;
    std::error_code gone;
    const auto output = std::filesystem::read_symlink(entry->path() / "fd/1", gone);
    if (!gone && is_log(output.string(), log)) found.push_back(process);
  }
  return found;
}

void continue_xl_watchers(const std::string& domain_name, const WatcherPlaces& places) {
  for (const pid_t process : find_xl_watchers(domain_name, places)) ::kill(process, SIGCONT);
}

StoppedWatchers::StoppedWatchers(const std::string& domain_name, const WatcherPlaces& places) : processes_(find_xl_watchers(domain_name, places)) {
  for (const pid_t process : processes_) ::kill(process, SIGSTOP);
}

StoppedWatchers::~StoppedWatchers() {
  for (const pid_t process : processes_) ::kill(process, SIGCONT);
}

}  // namespace zynclone::broker::xen
