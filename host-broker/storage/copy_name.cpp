#include "host-broker/storage/copy_name.hpp"

#include "protocol/names.hpp"

namespace zynclone::broker::storage {

Result<void> check_copy_name(const std::string& name) {
  TRY(parse_checked_name(name, "name of a copy", k_longest_copy_name));
  return outcome::success();
}

Result<void> check_path(const std::string& path) {
  const std::string failed = "cannot use volume '" + printable(path) + "': ";
  if (!path.starts_with('/') || path.ends_with('/')) return fail(Errc::invalid_argument, failed + "it is no absolute path of a file or device");
  if ((path + "/").find("/../") != std::string::npos) return fail(Errc::invalid_argument, failed + "'..' is not allowed in it");
  for (const char c : path)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return fail(Errc::invalid_argument, failed + "it holds a control character");
  return outcome::success();
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string file_name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace zynclone::broker::storage
