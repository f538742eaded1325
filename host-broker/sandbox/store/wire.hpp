#pragma once
// XenStore messages as bytes: a header of four words in the host's byte order and a payload (xen/io/xs_wire.h). A state machine
// without sockets.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace zynclone::sandbox {

struct StoreMessage {
  std::uint32_t type = 0;         // xsd_sockmsg_type
  std::uint32_t request = 0;      // chosen by the client, given back in the reply
  std::uint32_t transaction = 0;  // 0: none
  std::string payload;
};

std::string encode(const StoreMessage& message);

class StoreReader {
 public:
  // Takes bytes as they arrived; at most one message of the longest kind is kept beside them.
  void feed(std::string_view untrusted_bytes) { pending_.append(untrusted_bytes); }

  // The next whole message, if there is one. Errors: too_large for a payload of more than XENSTORE_PAYLOAD_MAX bytes, as soon as its
  // header is there; the stream is of no more use then.
  Result<std::optional<StoreMessage>> next();

 private:
  std::string pending_;
};

}  // namespace zynclone::sandbox
