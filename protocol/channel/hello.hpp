#pragma once
// The agreement on a protocol version that begins a conversation between guest and broker.

#include "protocol/messages.hpp"

namespace zynclone::channel {

// The version both sides speak: the lower of the two newest. Errors: unsupported_version, with both ranges, when there is none.
Result<unsigned> agree_on_version(const protocol::Hello& ours, const protocol::Hello& theirs);

}  // namespace zynclone::channel
