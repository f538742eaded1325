#include "host-broker/monitors/family_files.hpp"

#include "host-broker/configuration/file_families.hpp"
#include "system/file.hpp"

namespace zynclone::broker::monitors {
namespace {

constexpr std::string_view k_ending = ".json";
constexpr std::string_view k_hint = "file:";

}  // namespace

void FamilyFiles::read(const std::string& file) {
  if (!file.ends_with(k_ending) || file.starts_with('.')) return;
  read_.erase(file);
  const auto vm = VmName::parse(std::string_view(file).substr(0, file.size() - k_ending.size()));
  auto family = vm ? configuration::FileFamilies(folder_).load(vm.value()) : Result<Family>(vm.error());
  if (!family && family.error().code == Errc::not_found) return;  // removed
  read_.emplace(file, std::move(family));
}

Result<void> FamilyFiles::look(const Hints& hints) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder_, ignored)) {
    // No folder is not no family: it may not be mounted. Removing all that is published would unlock it.
    return fail(Errc::not_found, "cannot read families: there is no folder '" + folder_.string() + "'");
  }
  if (hints.everything) {
    read_.clear();
    TRY(const auto files, list_files(folder_));
    for (const std::string& file : files) read(file);
    return outcome::success();
  }
  for (const std::string& hint : hints.names) {
    if (hint.starts_with(k_hint)) read(hint.substr(k_hint.size()));
  }
  return outcome::success();
}

std::vector<Family> FamilyFiles::families() const {
  std::vector<Family> families;
  for (const auto& [file, family] : read_) {
    if (family) families.push_back(family.value());
  }
  return families;
}

std::optional<Error> FamilyFiles::damage() const {
  for (const auto& [file, family] : read_) {
    if (!family) return family.error();
  }
  return std::nullopt;
}

bool FamilyFiles::is_damaged(const std::string& vm) const {
  const auto found = read_.find(vm + std::string(k_ending));
  return found != read_.end() && !found->second;
}

}  // namespace zynclone::broker::monitors
