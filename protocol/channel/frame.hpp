#pragma once
// Messages in a stream of bytes: a state machine without sockets. Two framings: between guest and broker a u32 length (little
// endian) and that many bytes; on local sockets one line, ended by '\n'. The length is checked before anything is kept.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace zynclone::channel {

enum class Framing { length, line };

class FrameReader {
 public:
  FrameReader(Framing framing, std::size_t longest) : framing_(framing), longest_(longest) {}

  // Takes bytes as they arrived. Errors: too_large; the stream is of no more use then.
  Result<void> feed(std::string_view untrusted_bytes);

  // The next whole message, if there is one. Errors: malformed for an empty message.
  Result<std::optional<std::string>> next();

 private:
  Framing framing_;
  std::size_t longest_;
  std::string pending_;
};

// Errors: too_large; malformed when a line would hold a '\n'.
Result<std::string> frame(Framing framing, std::string_view message, std::size_t longest);

}  // namespace zynclone::channel
