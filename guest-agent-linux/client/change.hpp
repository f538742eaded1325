#pragma once
// What a Change holds: the protocol's call with its fields still as text, since only `request` and `plan` may fail.

#include "guest-agent-linux/client/include/zynclone/client.hpp"
#include "protocol/messages.hpp"

namespace zynclone::client {

struct Change::Data {
  enum class Kind {
    create, start, stop, activate, deactivate, remove, rename, protect, unprotect, start_cutover, commit_cutover, undo_cutover, switch_volume,
  };
  Kind kind;
  std::string name = {};      // the clone's or member's
  std::string new_name = {};
  std::string volume = {};
  CreateOptions options = {};
  CutoverOptions cutover = {};
  std::string request_id = {};
};

// The call as the protocol has it. Errors: invalid_argument for a name or a time that is not allowed.
zynclone::Result<protocol::Request> request_of(const Change::Data& data);

}  // namespace zynclone::client
