#pragma once
// The values of a mailbox's nodes. All are printable text: XenStore's tools, and guests whose library takes C strings, can carry them.
//
//   <own>/session       guest: S            broker: S.C      S, C: 16 hexadecimal digits, random
//   <own>/fragment      S.C <n> <base64 of 1 to 1024 bytes>
//   <own>/acknowledged  S.C <n>
//
// S is the guest's, for as long as its agent runs; C the broker's, for one connection. n counts a direction's fragments from 1: a
// side writes fragment n + 1 when the other has acknowledged n.

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace zynclone::channel {

inline constexpr std::size_t k_longest_fragment = 1024;  // bytes; as base64 far below XenStore's 2048 bytes a node

struct Fragment {
  std::string connection;
  std::uint64_t number = 0;
  std::string bytes;  // empty in an acknowledgement
};

std::string random_mailbox_id();
bool is_mailbox_id(std::string_view untrusted_text);

std::string to_text(const Fragment& fragment);
// Errors: malformed.
Result<Fragment> parse_fragment(std::string_view untrusted_text);
Result<Fragment> parse_acknowledgement(std::string_view untrusted_text);

std::string to_base64(std::string_view bytes);
// RFC 4648 with padding, and nothing besides. Errors: malformed.
Result<std::string> from_base64(std::string_view untrusted_text);

}  // namespace zynclone::channel
