#pragma once
// What stands in front of a domain's image in a file that `xl restore` reads: struct save_file_header of Xen's tools/xl/xl.h (4.17), the length
// of the domain's configuration, the configuration as JSON. Integers in the machine's own order. A pure function.

#include <string>

namespace zynclone::broker {

std::string save_file_head(const std::string& domain_json);

}  // namespace zynclone::broker
