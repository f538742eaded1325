#include "guest-agent-linux/volume_mounts.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest-agent-linux/file_users.hpp"
#include "guest-agent-linux/mount_table.hpp"
#include "guest-agent-linux/volume_holders.hpp"
#include "protocol/names.hpp"
#include "system/descriptor.hpp"
#include "system/log.hpp"

namespace zynclone::agent {
namespace {

constexpr unsigned k_most_stale_mounts = 16;
constexpr unsigned long k_mount_flags = MS_NOSUID | MS_NODEV;

std::string cannot(std::string_view verb, const VolumeMount& volume) {
  return "cannot " + std::string(verb) + " '" + printable(volume.device) + "'" +
         (volume.mount_point.empty() ? std::string() : " at '" + printable(volume.mount_point) + "'") + ": ";
}

// The mount table has no links in it.
Result<VolumeMount> without_links(const VolumeMount& volume) {
  if (volume.mount_point.empty()) return volume;
  std::error_code error;
  const auto path = std::filesystem::weakly_canonical(volume.mount_point, error);
  if (error) return fail(Errc::system, cannot("use", volume) + error.message());
  return VolumeMount{volume.device, path.string()};
}

std::optional<MountEntry> mounted_at(const std::vector<MountEntry>& table, const std::string& mount_point) {
  std::optional<MountEntry> last;
  for (const MountEntry& entry : table) {
    if (entry.mount_point == mount_point) last = entry;
  }
  return last;
}

std::string describe_mount_error(int number, const std::string& filesystem) {
  switch (number) {
    case ENODEV: return "this kernel has no file system '" + printable(filesystem) + "'";
    case EINVAL: return "it holds no " + printable(filesystem) + " file system, or a damaged one";
    case EUCLEAN:
    case EBADMSG: return "its file system is damaged; it must be checked (fsck) before it can be used";
    case EBUSY: return "something else holds it";
    case EACCES:
    case EROFS: return "it may not be written";
    default: return std::strerror(number);
  }
}

Result<void> call_mount(const VolumeMount& volume, const std::string& filesystem) {
  if (::mount(volume.device.c_str(), volume.mount_point.c_str(), filesystem.c_str(), k_mount_flags, nullptr) == 0) return outcome::success();
  return fail(Errc::system, cannot("mount", volume) + describe_mount_error(errno, filesystem));
}

// What a device that was torn away leaves behind fails every write, and would lie below the new mount for ever.
Result<void> detach_stale_mounts(const VolumeMount& volume) {
  for (unsigned i = 0; i < k_most_stale_mounts; ++i) {
    TRY(const auto table, read_mount_table("self"));
    const auto found = mounted_at(table, volume.mount_point);
    if (!found || !is_of_device(*found, volume.device)) return outcome::success();
    log_warning("detaching what remains mounted at '" + printable(volume.mount_point) + "' of a device that is gone");
    if (::umount2(volume.mount_point.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0)
      return fail(Errc::system, cannot("unmount", volume) + std::strerror(errno));
  }
  return fail(Errc::system, cannot("mount", volume) + "too many mounts of a device that is gone lie there");
}

Result<bool> is_mounted_without_links(const VolumeMount& volume) {
  TRY(const auto table, read_mount_table("self"));
  const auto found = mounted_at(table, volume.mount_point);
  if (!found) return false;
  if (!is_of_device(*found, volume.device))
    return fail(Errc::conflict, cannot("use", volume) + "'" + printable(found->source) + "' is mounted there");
  return is_claimed(volume.device);
}

}  // namespace

Result<bool> is_volume_mounted(const VolumeMount& volume) {
  TRY(const VolumeMount plain, without_links(volume));
  return is_mounted_without_links(plain);
}

Result<void> mount_volume(const VolumeMount& volume, const std::string& filesystem) {
  if (has_own_mount_namespace()) {
    return fail(Errc::system, cannot("mount", volume) + "this agent has a mount namespace of its own, so nobody else would see it; "
                                                        "its unit must not set PrivateTmp=, ProtectSystem= or the like");
  }
  if (filesystem.empty()) return fail(Errc::configuration, cannot("mount", volume) + "the host names no file system for it");
  TRY(const VolumeMount plain, without_links(volume));
  std::error_code error;
  std::filesystem::create_directories(plain.mount_point, error);
  if (error) return fail(Errc::system, cannot("mount", plain) + error.message());
  TRY(const bool is_mounted, is_mounted_without_links(plain));
  if (is_mounted) return outcome::success();
  TRY(const bool is_held, is_claimed(plain.device));
  if (is_held) return fail(Errc::conflict, cannot("mount", plain) + describe_holders(plain.device));
  TRY(detach_stale_mounts(plain));
  return call_mount(plain, filesystem);
}

Result<void> write_out_volume(const VolumeMount& volume) {
  TRY(const VolumeMount plain, without_links(volume));
  if (plain.mount_point.empty()) return outcome::success();
  TRY(const bool is_mounted, is_mounted_without_links(plain));
  if (!is_mounted) return outcome::success();
  const Descriptor folder(::open(plain.mount_point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::syncfs(folder.get()) != 0) return fail(Errc::system, cannot("write out", plain) + std::strerror(errno));
  return outcome::success();
}

Result<void> unmount_volume(const VolumeMount& volume) {
  TRY(const VolumeMount plain, without_links(volume));
  std::string filesystem;
  if (!plain.mount_point.empty()) {
    TRY(const bool is_mounted, is_mounted_without_links(plain));
    TRY(const auto table, read_mount_table("self"));
    const auto found = mounted_at(table, plain.mount_point);
    if (found && is_mounted) filesystem = found->filesystem;
    if (!is_mounted) {
      TRY(detach_stale_mounts(plain));
    }
  }
  if (!filesystem.empty() && ::umount2(plain.mount_point.c_str(), UMOUNT_NOFOLLOW) != 0) {
    const int number = errno;
    if (number != EBUSY) return fail(Errc::system, cannot("unmount", plain) + std::strerror(number));
    return fail(Errc::conflict, cannot("unmount", plain) + describe_users(plain.mount_point));
  }
  TRY(const bool is_held, is_claimed(plain.device));
  const auto writers = plain.mount_point.empty() ? writers_of_file(plain.device) : std::vector<FileUser>();
  if (!writers.empty()) return fail(Errc::conflict, cannot("release", plain) + "it is used by " + to_string(writers));
  if (!is_held) return outcome::success();
  Error error{Errc::conflict, cannot("release", plain) + describe_holders(plain.device)};
  if (filesystem.empty()) return error;
  if (auto again = call_mount(plain, filesystem); !again) error.message += ", and " + again.error().message;
  return error;
}

}  // namespace zynclone::agent
