#include "host-broker/configuration/file_families.hpp"

#include <cerrno>
#include <cstring>
#include <sys/stat.h>

#include "host-broker/configuration/family_json.hpp"
#include "host-broker/configuration/json_text.hpp"
#include "system/file.hpp"
#include "system/trusted_file.hpp"

namespace zynclone::broker::configuration {
namespace {

constexpr std::string_view k_family_ending = ".json";

}  // namespace

Result<Family> FileFamilies::load(const VmName& vm) {
  const std::filesystem::path file = folder_ / (vm.text() + std::string(k_family_ending));
  auto text = read_trusted_file(file, k_longest_json_file);
  if (!text) {
    Error error = text.error();
    if (error.code == Errc::too_large) error.code = Errc::configuration;
    return error;
  }
  auto family = read_family(text.value(), file.string());
  if (!family) return with_context(family.error(), "cannot load family '" + vm.text() + "'");
  if (family.value().vm != vm) {
    return fail(Errc::configuration, "cannot load family '" + vm.text() + "': the file is of VM '" + family.value().vm.text() + "'",
                file.string());
  }
  return family;
}

Result<std::vector<Family>> FileFamilies::load_all() {
  TRY(auto names, list_files(folder_));
  std::vector<Family> families;
  for (std::string_view name : names) {
    if (!name.ends_with(k_family_ending)) continue;
    const std::filesystem::path file = folder_ / name;
    name.remove_suffix(k_family_ending.size());
    auto vm = VmName::parse(name);
    if (!vm) return fail(Errc::configuration, "cannot load family: " + vm.error().message, file.string());
    auto family = load(vm.value());
    if (!family && family.error().code == Errc::not_found) continue;  // removed meanwhile
    if (!family) return family.error();
    families.push_back(std::move(family.value()));
  }
  return families;
}

Result<void> FileFamilies::save(const Family& family) {
  if (family.vm == VmName()) return fail(Errc::internal, "cannot save family: it has no VM");
  if (::mkdir(folder_.c_str(), 0750) != 0 && errno != EEXIST) {
    return fail(Errc::system, "cannot make '" + folder_.string() + "': " + std::strerror(errno));
  }
  const std::filesystem::path file = folder_ / (family.vm.text() + std::string(k_family_ending));
  const std::string text = write_family(family);
  // A file that could not be read again would stop everything at the next start; better to fail this one operation.
  if (auto read = read_family(text, file.string()); !read) return with_context(read.error(), "cannot save family '" + family.vm.text() + "'");
  return write_file_whole(file, text, 0640);
}

}  // namespace zynclone::broker::configuration
