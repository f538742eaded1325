#pragma once
// Values from the command line to checked types, the error naming the argument or option that is wrong.

#include <optional>
#include <string>
#include <string_view>

#include "protocol/names.hpp"
#include "protocol/words.hpp"
#include "system/duration.hpp"
#include "system/key_value.hpp"

namespace zynclone::cli {

// `place` as it stands in the usage: "VM", "--name".
template <class Name>
Result<Name> parse_value(const std::string& text, std::string_view place) {
  auto parsed = Name::parse(text);
  if (!parsed) return fail(parsed.error().code, parsed.error().message, std::string(place));
  return parsed;
}

// Nothing where none is named.
inline Result<std::optional<VmName>> parse_optional_vm(const std::string& text) {
  if (text.empty()) return std::optional<VmName>();
  TRY(auto vm, parse_value<VmName>(text, "VM"));
  return std::optional<VmName>(std::move(vm));
}

// One of the protocol's words, of the option `place`. Errors: invalid_argument with the one that was meant, and all of them.
template <class E>
Result<E> parse_word(const std::string& text, std::string_view what, std::string_view place) {
  std::vector<std::string> known;
  for (const auto& [value, word] : protocol::words<E>()) {
    if (text == word) return value;
    known.emplace_back(word);
  }
  return fail(Errc::invalid_argument, "cannot use " + std::string(what) + " '" + printable(text.substr(0, 80)) + "': " + allowed_words(text, known), std::string(place));
}

// Of a new clone; nothing where none is named.
inline Result<std::optional<protocol::CloneNetwork>> parse_optional_network(const std::string& text) {
  if (text.empty()) return std::optional<protocol::CloneNetwork>();
  TRY(const auto network, parse_word<protocol::CloneNetwork>(text, "network", "--network"));
  return std::optional<protocol::CloneNetwork>(network);
}

// "30m" as seconds. Errors: invalid_argument, also for a time with a part of a second; bounds are the service's.
inline Result<std::uint64_t> parse_seconds(const std::string& text, std::string_view place) {
  const auto time = parse_duration(text);
  if (!time) return fail(time.error().code, time.error().message, std::string(place));
  const auto whole = std::chrono::floor<std::chrono::seconds>(time.value());
  if (whole == time.value()) return static_cast<std::uint64_t>(whole.count());
  return fail(Errc::invalid_argument, "cannot use time '" + printable(text) + "': whole seconds are allowed, such as 10s, 30m, 2d", std::string(place));
}

// A service that hides from a guest which operations there are cannot say that this is none, so its whole shape is looked at here.
inline Result<OperationId> parse_operation_id(const std::string& text) {
  constexpr std::size_t k_length = 26;
  const bool has_shape = text.size() == k_length && text.find_first_not_of("0123456789ABCDEFGHJKMNPQRSTVWXYZ") == std::string::npos;
  if (has_shape) return parse_value<OperationId>(text, "ID");
  return fail(Errc::invalid_argument, "cannot use operation id '" + printable(text.substr(0, 80)) + "': expected 26 of 0-9 and A-Z without I, L, O, U", "ID");
}

}  // namespace zynclone::cli
