#pragma once
// The payloads of XenStore messages: strings that end with a NUL, numbers as text, errors by name. Pure.

#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "host-broker/sandbox/store/errors.hpp"
#include "protocol/names.hpp"

namespace zynclone::sandbox {

std::string with_nul(std::string text);

// "OK" as xenstored says it.
std::string acknowledgement();

// EINVAL and its like, without NUL.
std::string_view name_of_error(StoreError error);

// The payload as exactly one string with its NUL at the end.
StoreResult<std::string> one_string(std::string_view untrusted_payload);

// All strings that a NUL ends; what comes after the last one does not count.
std::vector<std::string> strings_of(std::string_view untrusted_payload);

template <class Number>
StoreResult<Number> number_of(std::string_view untrusted_text) {
  Number number = 0;
  const char* const end = untrusted_text.data() + untrusted_text.size();
  const auto [rest, error] = std::from_chars(untrusted_text.data(), end, number);
  if (error != std::errc() || rest != end) return StoreError::invalid;
  return number;
}

// A domain's number as the only string.
StoreResult<DomainId> domain_of(std::string_view untrusted_payload);

}  // namespace zynclone::sandbox
