#pragma once
// Tells systemd how the service does, by the protocol of sd_notify(3). Without libsystemd, which would bring five compression and
// cryptography libraries into the guest's agent.

#include <string_view>

#include "protocol/result.hpp"

namespace zynclone {

// `state` is assignments, one a line: "READY=1", "STATUS=...", "STOPPING=1". Does nothing when not started by systemd (NOTIFY_SOCKET is
// not set). Errors: system.
Result<void> notify_service_manager(std::string_view state);

}  // namespace zynclone
