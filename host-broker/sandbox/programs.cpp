#include "host-broker/sandbox/programs.hpp"

#include <cstdlib>
#include <filesystem>
#include <unistd.h>

#include "protocol/names.hpp"

namespace zynclone::sandbox {
namespace {

constexpr std::string_view k_default_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::string_view k_private_programs = "/usr/libexec/zynclone";

std::string own_folder() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path().string();
}

bool is_program(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error) && ::access(path.c_str(), X_OK) == 0;
}

std::string search_path() {
  const char* path = std::getenv("PATH");
  return own_folder() + ":" + (path != nullptr ? path : std::string(k_default_path));
}

}  // namespace

Result<std::string> find_program(const std::string& name) {
  const std::string places = search_path() + ":" + std::string(k_private_programs);
  if (name.starts_with('/') && is_program(name)) return name;
  for (std::string_view rest = places; name.find('/') == std::string::npos && !rest.empty();) {
    const auto end = std::min(rest.find(':'), rest.size());
    const std::string candidate = std::string(rest.substr(0, end)) + "/" + name;
    if (candidate.starts_with('/') && is_program(candidate)) return candidate;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return fail(Errc::not_found, "cannot find program '" + printable(name) + "' in " + printable(places));
}

std::map<std::string, std::string> base_environment() { return {{"PATH", search_path()}, {"LANG", "C.UTF-8"}}; }

}  // namespace zynclone::sandbox
