#include "host-broker/sandbox/control_message.hpp"

#include <algorithm>

#include "protocol/names.hpp"
#include "system/key_value.hpp"

namespace zynclone::sandbox {
namespace {

Errc code_of(const std::string& word) {
  for (int number = 0; number <= static_cast<int>(Errc::internal); ++number)
    if (to_string(static_cast<Errc>(number)) == word) return static_cast<Errc>(number);
  return Errc::internal;
}

// An error's text may quote what cannot be quoted again.
std::string quotable(std::string text) {
  std::replace(text.begin(), text.end(), '"', '\'');
  return printable(text);
}

}  // namespace

std::string ControlMessage::get(const std::string& key) const {
  for (const auto& [name, value] : values_)
    if (name == key) return value;
  return {};
}

bool ControlMessage::has(const std::string& key) const {
  return std::any_of(values_.begin(), values_.end(), [&](const auto& entry) { return entry.first == key; });
}

void ControlMessage::set_list(const std::string& key, const std::vector<std::string>& values) {
  for (std::size_t at = 0; at < values.size(); ++at) set(key + std::to_string(at), values[at]);
}

std::vector<std::string> ControlMessage::get_list(const std::string& key) const {
  std::vector<std::string> values;
  while (has(key + std::to_string(values.size()))) values.push_back(get(key + std::to_string(values.size())));
  return values;
}

Result<std::string> ControlMessage::encode() const {
  std::string text;
  for (const auto& [key, value] : values_) {
    if (value.find('"') != std::string::npos || printable(value) != value)
      return fail(Errc::invalid_argument, "cannot send '" + printable(value) + "': quotes and control characters are not allowed");
    text += key + "=\"" + value + "\"\n";
  }
  return text;
}

Result<ControlMessage> ControlMessage::decode(std::string_view untrusted_text) {
  auto lines = parse_key_values(untrusted_text, "message");
  if (!lines) return fail(Errc::malformed, lines.error().message);
  ControlMessage message;
  for (auto& line : lines.value()) message.set(std::move(line.key), std::move(line.value));
  return message;
}

ControlMessage ControlMessage::failure(const Error& error) {
  ControlMessage message;
  message.set("status", "error");
  message.set("code", std::string(to_string(error.code)));
  message.set("message", quotable(error.message));
  message.set("place", quotable(error.place));
  return message;
}

std::optional<Error> ControlMessage::error() const {
  if (get("status") == "ok") return std::nullopt;
  return Error{code_of(get("code")), get("message"), get("place")};
}

}  // namespace zynclone::sandbox
