#include "protocol/channel/mailbox_text.hpp"

#include <array>
#include <charconv>
#include <random>

namespace zynclone::channel {
namespace {

constexpr std::string_view k_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::size_t k_id_length = 16;
constexpr std::size_t k_longest_value = 2048;  // of a guest's node, by XenStore's quota

auto malformed(std::string why) { return fail(Errc::malformed, "cannot read the mailbox: " + std::move(why)); }

int digit_value(char digit) {
  const auto found = k_digits.find(digit);
  return found == std::string_view::npos ? -1 : static_cast<int>(found);
}

bool is_connection(std::string_view untrusted_text) {
  const auto dot = untrusted_text.find('.');
  return dot != std::string_view::npos && is_mailbox_id(untrusted_text.substr(0, dot)) && is_mailbox_id(untrusted_text.substr(dot + 1));
}

// "S.C <n>" and what follows the second space, if there is one.
struct Parts {
  Fragment fragment;
  std::optional<std::string_view> rest;
};

Result<Parts> parse_parts(std::string_view untrusted_text) {
  if (untrusted_text.size() > k_longest_value) return malformed("a node has " + std::to_string(untrusted_text.size()) + " bytes");
  const auto space = untrusted_text.find(' ');
  if (space == std::string_view::npos || !is_connection(untrusted_text.substr(0, space))) return malformed("expected a connection");
  Parts parts;
  parts.fragment.connection = untrusted_text.substr(0, space);
  std::string_view number = untrusted_text.substr(space + 1);
  if (const auto end = number.find(' '); end != std::string_view::npos) {
    parts.rest = number.substr(end + 1);
    number = number.substr(0, end);
  }
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), parts.fragment.number);
  if (error != std::errc() || end != number.data() + number.size()) return malformed("expected a number");
  return parts;
}

}  // namespace

std::string random_mailbox_id() {
  static constexpr std::string_view k_hex = "0123456789abcdef";
  std::random_device random;
  std::string id;
  for (std::size_t i = 0; i < k_id_length; ++i) id.push_back(k_hex[random() % 16]);
  return id;
}

bool is_mailbox_id(std::string_view untrusted_text) {
  return untrusted_text.size() == k_id_length && untrusted_text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string to_text(const Fragment& fragment) {
  std::string text = fragment.connection + " " + std::to_string(fragment.number);
  if (!fragment.bytes.empty()) text += " " + to_base64(fragment.bytes);
  return text;
}

Result<Fragment> parse_fragment(std::string_view untrusted_text) {
  TRY(auto parts, parse_parts(untrusted_text));
  if (!parts.rest) return malformed("expected the fragment's bytes");
  TRY(parts.fragment.bytes, from_base64(*parts.rest));
  if (parts.fragment.bytes.empty() || parts.fragment.bytes.size() > k_longest_fragment)
    return malformed("a fragment has " + std::to_string(parts.fragment.bytes.size()) + " bytes, 1 to " +
                     std::to_string(k_longest_fragment) + " are allowed");
  return std::move(parts.fragment);
}

Result<Fragment> parse_acknowledgement(std::string_view untrusted_text) {
  TRY(auto parts, parse_parts(untrusted_text));
  if (parts.rest) return malformed("an acknowledgement has nothing after its number");
  return std::move(parts.fragment);
}

std::string to_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) group = (group << 8) | (at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0u);
    for (std::size_t i = 0; i < 4; ++i) text.push_back(at + i > bytes.size() ? '=' : k_digits[(group >> (18 - 6 * i)) & 63]);
  }
  return text;
}

Result<std::string> from_base64(std::string_view untrusted_text) {
  if (untrusted_text.size() % 4 != 0) return malformed("base64 comes in groups of four");
  std::string bytes;
  bytes.reserve(untrusted_text.size() / 4 * 3);
  for (std::size_t at = 0; at < untrusted_text.size(); at += 4) {
    const bool is_last = at + 4 == untrusted_text.size();
    std::size_t padding = 0;
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const char digit = untrusted_text[at + i];
      if (digit == '=' && is_last && i >= 2) {
        ++padding;
        group <<= 6;
        continue;
      }
      const int value = digit_value(digit);
      if (value < 0 || padding > 0) return malformed("expected base64");
      group = (group << 6) | static_cast<std::uint32_t>(value);
    }
    // One text for each value: no bits may hide under the padding.
    if ((group & ((1u << (8 * padding)) - 1)) != 0) return malformed("expected base64");
    for (std::size_t i = 0; i < 3 - padding; ++i) bytes.push_back(static_cast<char>((group >> (16 - 8 * i)) & 0xff));
  }
  return bytes;
}

}  // namespace zynclone::channel
