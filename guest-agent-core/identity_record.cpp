#include "guest-agent-core/identity_record.hpp"

#include <charconv>

namespace zynclone::agent {
namespace {

constexpr std::string_view k_token = "token=";
constexpr std::string_view k_hooks = "hooks=";

}  // namespace

std::string encode_identity_record(const IdentityRecord& record) {
  return std::string(k_token) + record.token.text() + "\n" + std::string(k_hooks) + std::to_string(record.hooks) + "\n";
}

Result<IdentityRecord> decode_identity_record(std::string_view text) {
  const std::string cannot = "cannot read the identity record: ";
  IdentityRecord record;
  bool has_hooks = false;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return fail(Errc::malformed, cannot + "its last line is cut off");
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (line.starts_with(k_token)) {
      TRY(record.token, OperationId::parse(line.substr(k_token.size())));
    } else if (line.starts_with(k_hooks)) {
      const std::string_view number = line.substr(k_hooks.size());
      const auto [stop, error] = std::from_chars(number.data(), number.data() + number.size(), record.hooks);
      has_hooks = error == std::errc() && stop == number.data() + number.size();
      if (!has_hooks) return fail(Errc::malformed, cannot + "'" + printable(number) + "' is no number");
    } else {
      return fail(Errc::malformed, cannot + "unknown line '" + printable(line) + "'");
    }
  }
  if (record.token.text().empty() || !has_hooks) return fail(Errc::malformed, cannot + "it is not whole");
  return record;
}

}  // namespace zynclone::agent
