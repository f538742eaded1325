#pragma once
// Where the programs are that the sandbox runs: beside zynclone-sandbox itself (a build folder), then in PATH, then in
// /usr/libexec/zynclone.

#include <map>
#include <string>

#include "protocol/result.hpp"

namespace zynclone::sandbox {

// The program's absolute path. Errors: not_found, with the places that were looked at.
Result<std::string> find_program(const std::string& name);

// PATH with this program's own folder first, and LANG: what every program of the sandbox gets.
std::map<std::string, std::string> base_environment();

}  // namespace zynclone::sandbox
