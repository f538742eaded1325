#include "guest-agent-linux/mount_check.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/names.hpp"

namespace zynclone::agent {
namespace {

std::optional<dev_t> device_of(std::filesystem::path path) {
  struct stat status {};
  while (::stat(path.c_str(), &status) != 0) {
    if (!path.has_relative_path()) return std::nullopt;
    path = path.parent_path();
  }
  return status.st_dev;
}

// The log's, when it is a file; a journal's socket or a terminal is on no file system that matters.
std::optional<dev_t> device_of_log() {
  struct stat status {};
  if (::fstat(STDERR_FILENO, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return status.st_dev;
}

}  // namespace

Result<void> MountCheck::operator()(const std::string& mount) const {
  const std::string failed = "cannot freeze '" + printable(mount) + "': ";
  struct stat status {};
  struct stat above {};
  if (::lstat(mount.c_str(), &status) != 0) return fail(Errc::configuration, failed + std::strerror(errno));
  const bool is_root = mount == "/";
  if (::stat((mount + "/..").c_str(), &above) != 0) return fail(Errc::configuration, failed + std::strerror(errno));
  if (!is_root && status.st_dev == above.st_dev) return fail(Errc::configuration, failed + "it is no mount point");
  for (const std::string& needed : needed_) {
    if (device_of(needed) == status.st_dev)
      return fail(Errc::configuration, failed + "the agent writes to '" + printable(needed) + "', which is on it");
  }
  if (device_of_log() == status.st_dev) return fail(Errc::configuration, failed + "the agent's log is on it");
  return outcome::success();
}

}  // namespace zynclone::agent
