#pragma once
// A family as JSON text and back: the format of /var/lib/zynclone/clones/<vm>.json. One description serves both ways. Internal to
// configuration/.
//
// Versions
//   1  first version

#include "host-broker/ports/family.hpp"

namespace zynclone::broker::configuration {

inline constexpr unsigned k_family_version = 1;

std::string write_family(const Family& family);

// Strict: an unknown, missing or ill-typed field, a name or UUID that stands twice, another version. Errors: configuration with place
// "file:line".
Result<Family> read_family(std::string_view untrusted_text, const std::string& file);

}  // namespace zynclone::broker::configuration
