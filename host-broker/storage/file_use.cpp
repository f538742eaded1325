#include "host-broker/storage/file_use.hpp"

#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>

#include "system/file.hpp"

namespace zynclone::broker::storage {
namespace {

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;

// proc(5): "flags:" in fdinfo, octal, as of open(2).
bool opened_for_writing(const std::string& process, const char* descriptor) {
  const auto text = read_file("/proc/" + process + "/fdinfo/" + descriptor, 4096);
  if (!text) return true;  // closed meanwhile, or not to be seen: the careful answer
  const auto place = text.value().find("flags:");
  if (place == std::string::npos) return true;
  const unsigned long flags = std::strtoul(text.value().c_str() + place + 6, nullptr, 8);
  return (flags & O_ACCMODE) != O_RDONLY;
}

void look_at(const std::string& process, const struct stat& file, FileUse& use) {
  Folder descriptors(::opendir(("/proc/" + process + "/fd").c_str()));
  if (!descriptors) return;  // ended meanwhile, or not ours to see
  while (const dirent* entry = ::readdir(descriptors.get())) {
    struct stat other {};
    if (entry->d_name[0] == '.' || ::fstatat(::dirfd(descriptors.get()), entry->d_name, &other, 0) != 0) continue;
    if (other.st_dev != file.st_dev || other.st_ino != file.st_ino) continue;
    use.open = true;
    use.written = use.written || opened_for_writing(process, entry->d_name);
  }
}

}  // namespace

FileUse file_use(const std::string& path) {
  FileUse use;
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0) return use;
  Folder processes(::opendir("/proc"));
  if (!processes) return use;
  while (const dirent* entry = ::readdir(processes.get()))
    if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9') look_at(entry->d_name, file, use);
  return use;
}

}  // namespace zynclone::broker::storage
