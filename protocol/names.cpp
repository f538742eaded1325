#include "protocol/names.hpp"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cassert>

namespace zynclone {
namespace {

constexpr std::string_view k_letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::string_view k_inner = "._-";
constexpr std::string_view k_hex = "0123456789abcdef";

bool is_letter(char c) { return k_letters.find(c) != std::string_view::npos; }

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

// Text of the given shape, where 'x' stands for a hexadecimal digit and anything else for itself.
bool has_shape(std::string_view text, std::string_view shape) {
  if (text.size() != shape.size()) return false;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool right = shape[i] == 'x' ? k_hex.find(text[i]) != std::string_view::npos : text[i] == shape[i];
    if (!right) return false;
  }
  return true;
}

template <std::size_t N>
std::array<std::uint8_t, N> random_bytes() {
  std::array<std::uint8_t, N> bytes;
  // Up to 256 bytes getrandom neither fails nor is cut short once the kernel's pool is up (getrandom(2)).
  const auto got = getrandom(bytes.data(), bytes.size(), 0);
  assert(got == static_cast<ssize_t>(N));
  (void)got;
  return bytes;
}

}  // namespace

Result<std::string> parse_checked_name(std::string_view untrusted_text, std::string_view what, std::size_t longest) {
  const auto allowed = [&] {
    return "allowed are 1 to " + std::to_string(longest) + " of A-Z a-z 0-9 . _ - with a letter or digit first";
  };
  const bool right = !untrusted_text.empty() && untrusted_text.size() <= longest && is_letter(untrusted_text.front()) &&
                     std::all_of(untrusted_text.begin(), untrusted_text.end(),
                                 [](char c) { return is_letter(c) || k_inner.find(c) != std::string_view::npos; });
  if (!right) {
    const auto shown = untrusted_text.substr(0, 80);
    return fail(Errc::invalid_argument, "cannot use " + std::string(what) + " '" + printable(shown) + "': " + allowed());
  }
  return std::string(untrusted_text);
}

OperationId make_operation_id(std::chrono::system_clock::time_point now) {
  constexpr std::string_view k_crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  const auto time = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count());
  std::string text(26, '0');
  for (int i = 9; i >= 0; --i) text[static_cast<std::size_t>(9 - i)] = k_crockford[(time >> (5 * i)) & 31];
  const auto bytes = random_bytes<16>();
  for (std::size_t i = 0; i < 16; ++i) text[10 + i] = k_crockford[bytes[i] & 31];
  return OperationId::parse(text).value();
}

Result<Uuid> Uuid::parse(std::string_view untrusted_text) {
  auto text = untrusted_text.size() == 36 ? lower(untrusted_text) : std::string();
  if (!has_shape(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")) {
    return fail(Errc::invalid_argument, "cannot use UUID '" + printable(untrusted_text.substr(0, 80)) +
                                            "': expected 8-4-4-4-12 hexadecimal digits");
  }
  return Uuid(std::move(text));
}

std::string format_uuid(std::array<std::uint8_t, 16> bytes, unsigned version) {
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | (version << 4));
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += k_hex[bytes[i] >> 4];
    text += k_hex[bytes[i] & 15];
  }
  return text;
}

Uuid Uuid::random() { return Uuid(format_uuid(random_bytes<16>(), 4)); }

Result<MacAddress> MacAddress::parse(std::string_view untrusted_text) {
  auto text = untrusted_text.size() == 17 ? lower(untrusted_text) : std::string();
  if (!has_shape(text, "xx:xx:xx:xx:xx:xx")) {
    return fail(Errc::invalid_argument,
                "cannot use MAC address '" + printable(untrusted_text.substr(0, 80)) + "': expected aa:bb:cc:dd:ee:ff");
  }
  return MacAddress(std::move(text));
}

}  // namespace zynclone
