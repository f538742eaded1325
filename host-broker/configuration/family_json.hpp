#pragma once
// A family as JSON text and back: the format of /var/lib/zynclone/clones/<vm>.json. One description serves both ways. Internal to
// configuration/.
//
// Versions
//   1  first version
//   2  production, probation, a clone's expires and is_protected; each stands there only where it says something

#include "host-broker/ports/family.hpp"

namespace zynclone::broker::configuration {

inline constexpr unsigned k_family_version = 2;
inline constexpr unsigned k_oldest_family_version = 1;

std::string write_family(const Family& family);

// Reads older versions, too. Strict: an unknown, missing or ill-typed field, a name or UUID that stands twice, a member that is none, another
// version. Errors: configuration with place
// "file:line".
Result<Family> read_family(std::string_view untrusted_text, const std::string& file);

}  // namespace zynclone::broker::configuration
