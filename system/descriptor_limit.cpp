#include "system/descriptor_limit.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

namespace zynclone {

Result<void> raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return fail(Errc::system, std::string("cannot read the limit of descriptors: ") + std::strerror(errno));
  const rlim_t wanted = std::min<rlim_t>(k_wanted_descriptors, limit.rlim_max);
  if (limit.rlim_cur >= wanted) return outcome::success();
  limit.rlim_cur = wanted;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
    return fail(Errc::system, "cannot raise the limit of descriptors to " + std::to_string(wanted) + ": " + std::strerror(errno));
  return outcome::success();
}

}  // namespace zynclone
