#include "host-broker/storage/files.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "host-broker/storage/copy_name.hpp"
#include "protocol/names.hpp"
#include "system/descriptor.hpp"

namespace zynclone::broker::storage {
namespace {

Result<void> sync_path(const std::string& path, int flags) {
  Descriptor descriptor(::open(path.c_str(), flags | O_CLOEXEC));
  if (!descriptor || ::fsync(descriptor.get()) != 0) return file_failure("sync", path, errno);
  return outcome::success();
}

Result<void> sync_folder_of(const std::string& path) { return sync_path(folder_of(path), O_RDONLY | O_DIRECTORY); }

}  // namespace

Error file_failure(std::string_view verb, const std::string& path, int number) {
  const bool full = number == ENOSPC || number == EDQUOT;
  return Error{full ? Errc::no_space : Errc::storage,
               "cannot " + std::string(verb) + " '" + printable(path) + "': " + std::strerror(number)};
}

Result<std::optional<struct stat>> look_at_file(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) return std::optional(status);
  if (errno == ENOENT || errno == ENOTDIR) return std::optional<struct stat>();
  return file_failure("look at", path, errno);
}

Result<struct stat> check_image_file(const std::string& path) {
  TRY(check_path(path));
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno != ENOENT && errno != ENOTDIR) return file_failure("copy", path, errno);
    return fail(Errc::not_found, "cannot copy '" + printable(path) + "': there is no such file");
  }
  if (S_ISBLK(status.st_mode))
    return fail(Errc::storage, "cannot copy '" + printable(path) + "': of block devices only thin logical volumes can be copied");
  if (!S_ISREG(status.st_mode)) return fail(Errc::storage, "cannot copy '" + printable(path) + "': it is no regular file");
  return status;
}

bool same_file(const std::optional<struct stat>& a, const std::optional<struct stat>& b) {
  return a && b && a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

Result<void> check_free(const std::string& folder, std::uint64_t needed, const Share& reserve) {
  struct statvfs status {};
  if (::statvfs(folder.c_str(), &status) != 0) return file_failure("see what is free in", folder, errno);
  const std::uint64_t free = std::uint64_t{status.f_bavail} * status.f_frsize;
  const std::uint64_t kept = reserve.of(std::uint64_t{status.f_blocks} * status.f_frsize);
  // Subtracted, as a sum could overflow.
  if (free >= needed && free - needed >= kept) return outcome::success();
  return fail(Errc::no_space, "cannot make a copy in '" + printable(folder) + "': it needs " + bytes_text(needed) + ", " +
                                  bytes_text(free) + " is free, and " + bytes_text(kept) + " must stay free");
}

Result<void> own_like(const std::string& path, const struct stat& model) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return file_failure("open", path, errno);
  // Who is not root cannot give files away, and has no need to: his own programs will open the copy.
  if (::fchown(file.get(), model.st_uid, model.st_gid) != 0 && errno != EPERM) return file_failure("set the owner of", path, errno);
  if (::fchmod(file.get(), model.st_mode & 07777) != 0) return file_failure("set the mode of", path, errno);
  if (::fsync(file.get()) != 0) return file_failure("sync", path, errno);
  return outcome::success();
}

Result<void> link_image(const std::string& from, const std::string& to) {
  if (::link(from.c_str(), to.c_str()) != 0) return file_failure("make a second name for", from, errno);
  return sync_folder_of(to);
}

Result<void> rename_image(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return file_failure("rename", from, errno);
  return sync_folder_of(to);
}

Result<void> remove_image(const std::string& path) {
  if (::unlink(path.c_str()) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return outcome::success();
    return file_failure("remove", path, errno);
  }
  return sync_folder_of(path);
}

}  // namespace zynclone::broker::storage
