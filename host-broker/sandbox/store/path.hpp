#pragma once
// XenStore paths, by the rules of xenstored (is_valid_nodename in xenstored_core.c). Pure.

#include <string>
#include <string_view>

#include "protocol/names.hpp"

namespace zynclone::sandbox {

// /local/domain/<id>: where a domain's relative paths begin.
std::string home_of(DomainId domain);

// The absolute form of a path as a client of `domain` writes it; a special one (@introduceDomain) stays as it is.
std::string absolute_path(DomainId domain, std::string_view untrusted_path);

// Letters, digits and -/_@ only, no empty component, no '/' at the end, and no longer than allowed.
bool is_valid_path(std::string_view untrusted_path);

// Of a valid path other than "/".
std::string parent_of(std::string_view path);
std::string_view name_of(std::string_view path);
std::string child_of(std::string_view parent, std::string_view name);

bool is_at_or_below(std::string_view path, std::string_view ancestor);

}  // namespace zynclone::sandbox
