#include "protocol/channel/frame.hpp"

#include <algorithm>

namespace zynclone::channel {
namespace {

constexpr std::size_t k_header = 4;             // bytes of the length
constexpr std::size_t k_kept_capacity = 8192;   // of an empty reader, so that one long message does not hold memory for ever

std::uint32_t read_length(const char* bytes) {
  std::uint32_t length = 0;
  for (int i = 3; i >= 0; --i) length = (length << 8) | static_cast<unsigned char>(bytes[i]);
  return length;
}

Error too_large(std::string_view verb, std::size_t size, std::size_t longest) {
  return Error{Errc::too_large, "cannot " + std::string(verb) + " a message of " + std::to_string(size) + " bytes: at most " +
                                    std::to_string(longest) + " are allowed"};
}

Error empty_message() { return Error{Errc::malformed, "cannot read the message: it is empty"}; }

}  // namespace

Result<void> FrameReader::feed(std::string_view untrusted_bytes) {
  // What was given out is dropped here, once, and not at every message.
  pending_.erase(0, begin_);
  searched_ -= std::min(searched_, begin_);
  begin_ = 0;
  if (pending_.empty() && pending_.capacity() > k_kept_capacity && untrusted_bytes.size() <= k_kept_capacity) pending_.shrink_to_fit();
  pending_.append(untrusted_bytes);
  return check_front();
}

Result<std::optional<std::string>> FrameReader::next() {
  return framing_ == Framing::length ? next_by_length() : next_line();
}

Result<void> FrameReader::check_front() const {
  const std::size_t size = pending_.size() - begin_;
  if (framing_ == Framing::length) {
    if (size < k_header) return outcome::success();
    const std::size_t length = read_length(pending_.data() + begin_);
    if (length > longest_) return too_large("read", length, longest_);
  } else if (size > longest_) {
    const auto end = std::find(pending_.begin() + static_cast<std::ptrdiff_t>(begin_), pending_.end(), '\n');
    const auto line = static_cast<std::size_t>(end - pending_.begin()) - begin_;
    if (line > longest_) return too_large("read", line, longest_);
  }
  return outcome::success();
}

Result<std::optional<std::string>> FrameReader::next_by_length() {
  TRY(check_front());
  const std::size_t size = pending_.size() - begin_;
  if (size < k_header) return std::optional<std::string>();
  const std::size_t length = read_length(pending_.data() + begin_);
  if (size - k_header < length) return std::optional<std::string>();
  auto message = take(begin_ + k_header, length, begin_ + k_header + length);
  if (length == 0) return empty_message();
  return std::optional<std::string>(std::move(message));
}

Result<std::optional<std::string>> FrameReader::next_line() {
  const auto end = pending_.find('\n', std::max(begin_, searched_));
  if (end == std::string::npos) {
    searched_ = pending_.size();
    TRY(check_front());
    return std::optional<std::string>();
  }
  if (end - begin_ > longest_) return too_large("read", end - begin_, longest_);
  auto message = take(begin_, end - begin_, end + 1);
  if (message.empty()) return empty_message();
  return std::optional<std::string>(std::move(message));
}

std::string FrameReader::take(std::size_t from, std::size_t size, std::size_t end) {
  std::string message = pending_.substr(from, size);
  begin_ = end;
  return message;
}

Result<std::string> frame(Framing framing, std::string_view message, std::size_t longest) {
  if (message.size() > longest) return too_large("send", message.size(), longest);
  if (message.empty()) return Error{Errc::malformed, "cannot send the message: it is empty"};
  std::string framed;
  framed.reserve(message.size() + k_header);
  if (framing == Framing::length) {
    for (int shift = 0; shift < 32; shift += 8) framed.push_back(static_cast<char>((message.size() >> shift) & 0xff));
    framed.append(message);
  } else {
    if (message.find('\n') != std::string_view::npos) return Error{Errc::malformed, "cannot send the message: it holds a line break"};
    framed.append(message);
    framed.push_back('\n');
  }
  return framed;
}

}  // namespace zynclone::channel
