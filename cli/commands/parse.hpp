#pragma once
// Values from the command line to checked types, the error naming the argument or option that is wrong.

#include <string>
#include <string_view>

#include "protocol/names.hpp"

namespace zynclone::cli {

// `place` as it stands in the usage: "VM", "--name".
template <class Name>
Result<Name> parse_value(const std::string& text, std::string_view place) {
  auto parsed = Name::parse(text);
  if (!parsed) return fail(parsed.error().code, parsed.error().message, std::string(place));
  return parsed;
}

}  // namespace zynclone::cli
