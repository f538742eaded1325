#include "protocol/names.hpp"

namespace zynclone {
namespace {

// The length of the well-formed UTF-8 sequence at the text's start (Unicode 15, table 3-7), or 0. `point` is its code point.
std::size_t sequence(std::string_view text, std::uint32_t& point) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  std::size_t length = 0;
  if (first < 0x80) { point = first; return 1; }
  if (first >= 0xc2 && first <= 0xdf) { length = 2; point = first & 0x1f; }
  else if ((first & 0xf0) == 0xe0) { length = 3; point = first & 0x0f; }
  else if (first >= 0xf0 && first <= 0xf4) { length = 4; point = first & 0x07; }
  else return 0;
  if (text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    point = (point << 6) | (byte(i) & 0x3f);
  }
  const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
  const bool surrogate = point >= 0xd800 && point <= 0xdfff;
  return overlong || surrogate || point > 0x10ffff ? 0 : length;
}

bool hides_or_controls(std::uint32_t point) {
  return point < 0x20 || (point >= 0x7f && point <= 0x9f) || point == 0x2028 || point == 0x2029 ||
         (point >= 0x200b && point <= 0x200f) || (point >= 0x202a && point <= 0x202e) ||
         (point >= 0x2060 && point <= 0x206f) || point == 0xfeff;
}

}  // namespace

std::string printable(std::string_view untrusted_text) {
  constexpr std::string_view k_hex = "0123456789abcdef";
  std::string result;
  while (!untrusted_text.empty()) {
    std::uint32_t point = 0;
    const std::size_t length = sequence(untrusted_text, point);
    if (length > 0 && !hides_or_controls(point)) {
      result += untrusted_text.substr(0, length);
      untrusted_text.remove_prefix(length);
      continue;
    }
    for (std::size_t i = 0; i < std::max<std::size_t>(length, 1); ++i) {
      const auto byte = static_cast<unsigned char>(untrusted_text[i]);
      result += "\\x";
      result += k_hex[byte >> 4];
      result += k_hex[byte & 15];
    }
    untrusted_text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return result;
}

std::string_view cut_text(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  const auto continues = [&](std::size_t at) { return (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80; };
  std::size_t end = bytes;
  while (end > 0 && continues(end)) --end;
  // More than three of them belong to no letter: text that is no UTF-8 is cut where it must be.
  return text.substr(0, bytes - end > 3 ? bytes : end);
}

}  // namespace zynclone
