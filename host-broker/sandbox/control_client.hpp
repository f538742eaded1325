#pragma once
// Asks a sandbox's control socket: one connection a request.

#include <filesystem>

#include "host-broker/sandbox/control_message.hpp"
#include "system/async.hpp"

namespace zynclone::sandbox {

// The reply, whose status is ok. Errors: unavailable when no sandbox runs there, timed_out, or the sandbox's own.
asio::awaitable<Result<ControlMessage>> ask_control(std::filesystem::path socket, ControlMessage request,
                                                    Deadline limit = std::chrono::seconds(30));

}  // namespace zynclone::sandbox
