#include "host-broker/sandbox/store/payload.hpp"

extern "C" {
#include <xen/io/xs_wire.h>
}

namespace zynclone::sandbox {

std::string with_nul(std::string text) {
  text += '\0';
  return text;
}

std::string acknowledgement() { return with_nul("OK"); }

std::string_view name_of_error(StoreError error) {
  for (const auto& [number, name] : xsd_errors)
    if (number == static_cast<int>(error)) return name;
  return "EINVAL";
}

StoreResult<std::string> one_string(std::string_view untrusted_payload) {
  if (untrusted_payload.empty() || untrusted_payload.find('\0') != untrusted_payload.size() - 1) return StoreError::invalid;
  return std::string(untrusted_payload.substr(0, untrusted_payload.size() - 1));
}

std::vector<std::string> strings_of(std::string_view untrusted_payload) {
  std::vector<std::string> strings;
  for (auto end = untrusted_payload.find('\0'); end != std::string_view::npos; end = untrusted_payload.find('\0')) {
    strings.emplace_back(untrusted_payload.substr(0, end));
    untrusted_payload.remove_prefix(end + 1);
  }
  return strings;
}

StoreResult<DomainId> domain_of(std::string_view untrusted_payload) {
  TRY(const auto text, one_string(untrusted_payload));
  TRY(const auto number, number_of<std::uint16_t>(text));
  return DomainId{number};
}

}  // namespace zynclone::sandbox
