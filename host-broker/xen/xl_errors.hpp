#pragma once
// Why xl failed, from what it printed.

#include <string>
#include <string_view>

namespace zynclone::broker::xen {

// From its standard error: libxl says the cause first and then, line after line, what follows from it. Printable.
std::string cause_of_failure(std::string_view untrusted_errors);

}  // namespace zynclone::broker::xen
