#include "guest-agent-linux/volume_holders.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>

#include "guest-agent-linux/file_users.hpp"
#include "protocol/names.hpp"
#include "system/descriptor.hpp"

namespace zynclone::agent {
namespace {

constexpr std::size_t k_most_places = 4;

std::optional<dev_t> device_number(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISBLK(status.st_mode)) return std::nullopt;
  return status.st_rdev;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

}  // namespace

bool is_of_device(const MountEntry& entry, const std::string& device) {
  if (entry.source == device) return true;
  const auto number = device_number(device);
  if (!number) return false;
  return entry.device == *number || (entry.source.starts_with('/') && device_number(entry.source) == number);
}

Result<bool> is_claimed(const std::string& device) {
  const Descriptor opened(::open(device.c_str(), O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC));
  if (opened) return false;
  switch (errno) {
    case EBUSY: return true;
    case ENOENT:
    case ENXIO:
    case ENODEV:
    case ENOMEDIUM: return false;
    default: return fail(Errc::system, "cannot open '" + printable(device) + "': " + std::strerror(errno));
  }
}

std::string describe_holders(const std::string& device) {
  std::vector<std::string> places;
  for (const MountNamespace& space : mount_namespaces()) {
    const auto table = read_mount_table(std::to_string(space.process.process));
    if (!table) continue;
    for (const MountEntry& entry : table.value()) {
      if (!is_of_device(entry, device) || places.size() == k_most_places) continue;
      places.push_back("mounted at '" + printable(entry.mount_point) + "'" +
                       (space.is_own ? std::string() : " in the mount namespace of " + to_string({space.process})));
    }
  }
  return places.empty() ? "something in the kernel holds it" : "it is " + joined(places);
}

std::string describe_users(const std::string& mount_point) {
  std::vector<std::string> parts;
  if (const std::string users = to_string(users_of_filesystem(mount_point)); !users.empty()) parts.push_back("it is used by " + users);
  if (const auto table = read_mount_table("self")) {
    for (const MountEntry& entry : table.value()) {
      if (entry.mount_point.starts_with(mount_point + "/") && parts.size() < k_most_places)
        parts.push_back("'" + printable(entry.mount_point) + "' is mounted on it");
    }
  }
  return parts.empty() ? "it is in use" : joined(parts);
}

}  // namespace zynclone::agent
