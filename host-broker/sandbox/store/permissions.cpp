#include "host-broker/sandbox/store/permissions.hpp"

#include <charconv>
#include <optional>

namespace zynclone::sandbox {
namespace {

constexpr unsigned k_highest_domain = 65535;  // domid_t is 16 bits wide

std::optional<unsigned> access_of_letter(char letter) {
  switch (letter) {
    case 'n': return k_no_access;
    case 'r': return k_may_read;
    case 'w': return k_may_write;
    case 'b': return k_may_read | k_may_write;
    default: return std::nullopt;
  }
}

char letter_of_access(unsigned access) {
  if ((access & (k_may_read | k_may_write)) == (k_may_read | k_may_write)) return 'b';
  if ((access & k_may_write) != 0) return 'w';
  return (access & k_may_read) != 0 ? 'r' : 'n';
}

StoreResult<NodePermissions::Entry> parse_entry(std::string_view untrusted_text) {
  if (untrusted_text.size() < 2) return StoreError::invalid;
  const auto access = access_of_letter(untrusted_text.front());
  NodePermissions::Entry entry;
  const char* const end = untrusted_text.data() + untrusted_text.size();
  const auto [rest, error] = std::from_chars(untrusted_text.data() + 1, end, entry.domain.value);
  if (!access || error != std::errc() || rest != end || entry.domain.value > k_highest_domain) return StoreError::invalid;
  entry.access = *access;
  return entry;
}

}  // namespace

unsigned NodePermissions::access_of(DomainId domain) const {
  if (is_privileged(domain) || owner() == domain) return k_may_read | k_may_write | k_is_owner;
  for (std::size_t at = 1; at < entries.size(); ++at)
    if (!entries[at].ignored && entries[at].domain == domain) return entries[at].access;
  return entries.front().access;
}

StoreResult<NodePermissions> parse_permissions(std::string_view untrusted_strings) {
  NodePermissions permissions;
  while (!untrusted_strings.empty()) {
    const std::size_t end = untrusted_strings.find('\0');
    if (end == std::string_view::npos) return StoreError::invalid;
    TRY(const auto entry, parse_entry(untrusted_strings.substr(0, end)));
    permissions.entries.push_back(entry);
    untrusted_strings.remove_prefix(end + 1);
  }
  if (permissions.entries.empty()) return StoreError::invalid;
  return permissions;
}

std::string to_strings(const NodePermissions& permissions) {
  std::string strings;
  for (const auto& entry : permissions.entries) {
    strings += letter_of_access(entry.access) + std::to_string(entry.domain.value);
    strings += '\0';
  }
  return strings;
}

}  // namespace zynclone::sandbox
