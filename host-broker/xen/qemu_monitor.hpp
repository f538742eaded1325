#pragma once
// A conversation with a running QEMU over its monitor protocol (QMP, QEMU docs/interop/qmp-spec.txt), as far as it is needed here.

#include <string>

#include "system/async.hpp"

namespace zynclone::broker::xen {

// Tells the QEMU behind `socket` that the file at `image`, which it has open for writing, has been replaced by a new qcow2 layer on top of what
// it has open: it goes on in that. Done already is no error. Errors: xen: no QEMU there, or it does not write to this image; timed_out.
asio::awaitable<Result<void>> switch_to_layer(std::string socket, std::string image, Deadline limit);

}  // namespace zynclone::broker::xen
