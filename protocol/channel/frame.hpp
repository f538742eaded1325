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

  // Takes bytes as they arrived; keeps them until next() gives them out, so call that until it has no more. Errors: too_large
  // when the message at the front is too long; the stream is of no more use then.
  Result<void> feed(std::string_view untrusted_bytes);

  // The next whole message, if there is one. Errors: malformed for an empty message, after which reading may go on; too_large,
  // as feed.
  Result<std::optional<std::string>> next();

  // Part of a message is here and the rest is not. Meaningful when next() has no more to give.
  bool has_part() const { return begin_ < pending_.size(); }

 private:
  Result<std::optional<std::string>> next_by_length();
  Result<std::optional<std::string>> next_line();
  Result<void> check_front() const;
  std::string take(std::size_t from, std::size_t size, std::size_t end);

  Framing framing_;
  std::size_t longest_;
  std::string pending_;
  std::size_t begin_ = 0;    // of the first byte in pending_ that was not given out
  std::size_t searched_ = 0;  // bytes of pending_ that are known to hold no '\n'
};

// Errors: too_large; malformed when the message is empty, or a line would hold a '\n'.
Result<std::string> frame(Framing framing, std::string_view message, std::size_t longest);

}  // namespace zynclone::channel
