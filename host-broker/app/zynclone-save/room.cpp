#include "host-broker/app/zynclone-save/room.hpp"

#include <sys/statvfs.h>

namespace zynclone::broker {

bool keeps_free(int file, std::uint64_t reserve) {
  struct statvfs status {};
  if (::fstatvfs(file, &status) != 0) return true;
  return std::uint64_t{status.f_bavail} * status.f_frsize >= reserve;
}

}  // namespace zynclone::broker
