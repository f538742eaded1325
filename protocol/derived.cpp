// Names that derive from a seed, and the hash behind them. A source of its own: the guest's agent needs none of it, and so does not
// load the crypto library.

#include <openssl/evp.h>

#include <array>

#include "protocol/names.hpp"

namespace zynclone {

std::string format_uuid(std::array<std::uint8_t, 16> bytes, unsigned version);

namespace {

std::array<std::uint8_t, 32> sha256(std::string_view text) {
  std::array<std::uint8_t, 32> digest;
  unsigned length = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha256(), nullptr);
  return digest;
}

}  // namespace

std::string sha256_hex(std::string_view text) {
  constexpr std::string_view k_hex = "0123456789abcdef";
  std::string result;
  for (const std::uint8_t byte : sha256(text)) {
    result += k_hex[byte >> 4];
    result += k_hex[byte & 15];
  }
  return result;
}

Uuid Uuid::derived(std::string_view seed) {
  const auto digest = sha256(seed);
  std::array<std::uint8_t, 16> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = digest[i];
  return Uuid(format_uuid(bytes, 8));
}

MacAddress MacAddress::derived(std::string_view seed) {
  const auto hex = sha256_hex(seed);
  return MacAddress("00:16:3e:" + hex.substr(0, 2) + ':' + hex.substr(2, 2) + ':' + hex.substr(4, 2));
}

}  // namespace zynclone
