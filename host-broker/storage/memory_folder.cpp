#include "host-broker/storage/memory_folder.hpp"

#include <cerrno>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "host-broker/storage/files.hpp"
#include "system/file.hpp"

namespace zynclone::broker::storage {
namespace {

constexpr std::string_view k_ending = ".image";
// Of the memory, in percent: pages that change while they are copied are written a second time and a third (libxc: at most five rounds). A guest
// that changes all of it all the time has an image of six times its memory, which zynclone-save ends where it would cost the reserve.
constexpr std::uint64_t k_margin = 25;

}  // namespace

Result<void> MemoryFolder::prepare() const {
  if (::mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST) return file_failure("make", folder_, errno);
  struct stat status {};
  if (::lstat(folder_.c_str(), &status) != 0) return file_failure("look at", folder_, errno);
  if (!S_ISDIR(status.st_mode)) return file_failure("use", folder_, ENOTDIR);
  if (::chmod(folder_.c_str(), 0700) != 0) return file_failure("close to others", folder_, errno);
  return outcome::success();
}

Result<void> MemoryFolder::check_room(std::uint64_t memory) const {
  TRY(prepare());
  return check_free(folder_, memory + memory / 100 * k_margin, reserve_);
}

Result<std::uint64_t> MemoryFolder::reserve() const {
  struct statvfs status {};
  if (::statvfs(folder_.c_str(), &status) != 0) return file_failure("see what is free in", folder_, errno);
  return reserve_.of(std::uint64_t{status.f_blocks} * status.f_frsize);
}

Result<void> MemoryFolder::remove(const std::string& image) const { return remove_image(file_of(image)); }

Result<std::vector<std::string>> MemoryFolder::images() const {
  TRY(const auto files, list_files(folder_));
  std::vector<std::string> names;
  for (const std::string& file : files) {
    if (file.ends_with(k_ending)) names.push_back(file.substr(0, file.size() - k_ending.size()));
  }
  return names;
}

}  // namespace zynclone::broker::storage
