#pragma once
// Values from the command line to checked types, the error naming the argument or option that is wrong.

#include <optional>
#include <string>
#include <string_view>

#include "protocol/names.hpp"
#include "protocol/views.hpp"
#include "system/duration.hpp"

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

// Of a new clone; nothing where none is named.
inline Result<std::optional<protocol::CloneNetwork>> parse_optional_network(const std::string& text) {
  if (text.empty()) return std::optional<protocol::CloneNetwork>();
  const auto network = protocol::parse_clone_network(text);
  if (!network) return fail(network.error().code, network.error().message, "--network");
  return std::optional<protocol::CloneNetwork>(network.value());
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
