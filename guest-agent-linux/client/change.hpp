#pragma once
// What a Change holds: the protocol's call with its fields still as text, since only `request` and `plan` may fail.

#include "guest-agent-linux/client/include/zynclone/client.hpp"
#include "protocol/messages.hpp"

namespace zynclone::client {

struct Change::Data {
  enum class Kind { create, start, stop, activate, deactivate, remove, rename };
  Kind kind;
  std::string name;
  std::string new_name = {};
  CreateOptions options = {};
  std::string request_id = {};
};

// The call as the protocol has it. Errors: invalid_argument for a name that is not allowed.
zynclone::Result<protocol::Request> request_of(const Change::Data& data);

}  // namespace zynclone::client
