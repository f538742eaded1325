#include <cerrno>
#include <cstring>
#include <string>
#include <unistd.h>

#include "protocol/channel/vchan_handle.hpp"

namespace zynclone::channel {

Result<void> check_vchan_devices() {
  for (const std::string name : {"evtchn", "gntalloc"}) {
    if (::access(("/dev/xen/" + name).c_str(), R_OK | W_OK) != 0)
      return fail(Errc::xen, "cannot use '/dev/xen/" + name + "' (kernel module xen-" + name + "): " + std::strerror(errno));
  }
  return outcome::success();
}

}  // namespace zynclone::channel
