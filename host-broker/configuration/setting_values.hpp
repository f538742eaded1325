#pragma once
// Values of settings from text, with their ranges. Each fails with what is allowed only ("a number from 1 to 9 is allowed"); who knows
// the key puts "cannot use <key> '<value>': " before it. Internal to configuration/.

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host-broker/ports/family.hpp"
#include "protocol/result.hpp"
#include "protocol/words.hpp"

namespace zynclone::broker::configuration {

// What such a failure is: what is allowed, and no more.
inline auto allowed(std::string text) { return fail(Errc::configuration, std::move(text)); }

Result<std::uint64_t> read_number(std::string_view text, std::uint64_t least, std::uint64_t most);
Result<std::chrono::milliseconds> read_duration(std::string_view text, std::chrono::milliseconds least, std::chrono::milliseconds most);
// Absolute, printable, without "." and ".." and doubled slashes.
Result<std::string> read_path(std::string_view text);
// One of `words`; gives its position.
Result<std::size_t> read_choice(std::string_view text, const std::vector<std::string>& words);
// One of the words that the protocol has for an enumeration.
template <class Word>
Result<Word> read_word(std::string_view text) {
  std::vector<std::string> words;
  for (const auto& [value, word] : protocol::words<Word>()) words.emplace_back(word);
  TRY(const auto choice, read_choice(text, words));
  return protocol::words<Word>()[choice].first;
}
// 0x1f, 31, all, none.
Result<VifMask> read_mask(std::string_view text);
std::string mask_text(VifMask mask);  // all, or 0x1f
Result<std::vector<std::string>> read_addresses(std::string_view text, int address_family);  // AF_INET, AF_INET6
// Of one machine each, IPv4 and IPv6: such as can be announced.
Result<std::vector<std::string>> read_own_addresses(std::string_view text);
bool is_own_address(const std::string& address);
// xvda, sdb1: as Xen names a guest's disks.
Result<std::vector<std::string>> read_devices(std::string_view text);
// 512MiB, 1GiB, 4096 (bytes).
Result<std::uint64_t> read_size(std::string_view text);
std::string size_text(std::uint64_t bytes);

// Assigns what a reader gave, or hands its error on.
template <class T, class Target>
Result<void> store(Result<T> value, Target& target) {
  if (!value) return value.error();
  target = static_cast<Target>(std::move(value.value()));
  return outcome::success();
}

std::string list_text(const std::vector<std::string>& list);  // a, b, c

}  // namespace zynclone::broker::configuration
