#pragma once
// Families as files, /var/lib/zynclone/clones/<vm>.json, each written whole and synced. The broker writes them; clone-monitor and vmclone
// read them with the same code. Blocks; any thread.

#include <filesystem>

#include "host-broker/ports/configuration.hpp"

namespace zynclone::broker::configuration {

class FileFamilies : public Families {
 public:
  explicit FileFamilies(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // In the order of VM names. Files of other names than *.json do not count; a *.json file that is damaged fails all, with its name and
  // line, because a family that is forgotten would be one without lockdown. A folder that is not there holds none.
  Result<std::vector<Family>> load_all() override;
  // One. Errors: not_found, configuration.
  Result<Family> load(const VmName& vm);
  // Makes the folder when it is not there.
  Result<void> save(const Family& family) override;

 private:
  std::filesystem::path folder_;
};

}  // namespace zynclone::broker::configuration
