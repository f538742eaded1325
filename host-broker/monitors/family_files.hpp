#pragma once
// The families' files, as clone-monitor last read them; those that a hint names are read again. One that is damaged must not keep the
// lockdown of all others from being published.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "host-broker/monitors/doorbell.hpp"
#include "host-broker/ports/family.hpp"

namespace zynclone::broker::monitors {

class FamilyFiles {
 public:
  explicit FamilyFiles(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // Errors: not_found when the folder is not there; then everything has to be looked at next.
  Result<void> look(const Hints& hints);

  std::vector<Family> families() const;
  std::optional<Error> damage() const;                        // the first of the damaged files'
  bool is_damaged(const std::string& vm) const;               // the file of this VM

 private:
  void read(const std::string& file);

  std::filesystem::path folder_;
  std::map<std::string, Result<Family>> read_;                // by file
};

}  // namespace zynclone::broker::monitors
