#include "cli/json.hpp"

#include <cstdint>

namespace zynclone::cli {
namespace {

constexpr std::uint32_t k_replacement = 0xfffd;

// The code point at the text's start, which is taken off it. As in Unicode 15, table 3-7; one byte is taken where there is none.
std::uint32_t take_point(std::string_view& text) {
  const auto byte = [&](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u; };
  const unsigned first = byte(0);
  const std::size_t length = first < 0x80 ? 1 : first >= 0xc2 && first <= 0xdf ? 2 : (first & 0xf0) == 0xe0 ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
  std::uint32_t point = length <= 1 ? first : first & (0x7fu >> length);
  bool is_whole = length > 0;
  for (std::size_t at = 1; at < length; ++at) {
    is_whole = is_whole && (byte(at) & 0xc0) == 0x80;
    point = point << 6 | (byte(at) & 0x3f);
  }
  const bool is_shortest = length < 3 || point >= (length == 3 ? 0x800u : 0x10000u);
  const bool is_surrogate = point >= 0xd800 && point <= 0xdfff;
  if (!is_whole || !is_shortest || is_surrogate || point > 0x10ffff) {
    text.remove_prefix(1);
    return k_replacement;
  }
  text.remove_prefix(length);
  return point;
}

void append_escape(std::string& json, std::uint32_t unit) {
  static constexpr std::string_view k_hex = "0123456789abcdef";
  json += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) json += k_hex[unit >> shift & 15];
}

}  // namespace

// Outside of texts JSON has ASCII only, so it need not be known where a text begins.
std::string ascii_json(std::string_view json) {
  std::string ascii;
  ascii.reserve(json.size());
  while (!json.empty()) {
    const std::uint32_t point = take_point(json);
    if (point < 0x7f) {
      ascii += static_cast<char>(point);
    } else if (point < 0x10000) {
      append_escape(ascii, point);
    } else {
      append_escape(ascii, 0xd800 + ((point - 0x10000) >> 10));
      append_escape(ascii, 0xdc00 + ((point - 0x10000) & 0x3ff));
    }
  }
  return ascii;
}

std::string joined_json(std::string_view object, std::string_view other) {
  const std::size_t last = object.find_last_not_of(" \n", object.rfind('}') - 1);
  const bool is_empty = object[last] == '{';
  return std::string(object.substr(0, last + 1)) + (is_empty ? "" : ",") + std::string(other.substr(other.find('{') + 1));
}

}  // namespace zynclone::cli
