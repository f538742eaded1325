#include "protocol/channel/hello.hpp"

#include <algorithm>

namespace zynclone::channel {
namespace {

std::string range_of(const protocol::Hello& hello) {
  return std::to_string(hello.oldest_version) + " to " + std::to_string(hello.newest_version);
}

}  // namespace

Result<unsigned> agree_on_version(const protocol::Hello& ours, const protocol::Hello& theirs) {
  const unsigned version = std::min(ours.newest_version, theirs.newest_version);
  if (theirs.oldest_version > theirs.newest_version || version < std::max(ours.oldest_version, theirs.oldest_version)) {
    return fail(Errc::unsupported_version,
                "cannot talk to the peer: it speaks protocol versions " + range_of(theirs) + ", this side " + range_of(ours));
  }
  return version;
}

}  // namespace zynclone::channel
