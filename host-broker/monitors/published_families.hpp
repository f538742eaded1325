#pragma once
// The families that are published, as clone-net-monitor last read them; those that a hint names are read again.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "host-broker/monitors/doorbell.hpp"
#include "host-broker/monitors/publication.hpp"

namespace zynclone::broker::monitors {

class PublishedFamilies {
 public:
  // Gives whether anything is published at all, be it no family. Errors: those of XenStore; then everything has to be looked at next.
  Result<bool> look(xenstore::Store& store, const Hints& hints);

  std::vector<PublishedFamily> families() const;
  std::optional<Error> refused() const;                       // the first of those that cannot be believed
  bool has(const std::string& uuid) const { return read_.contains(uuid); }  // refused or not

 private:
  Result<void> read(xenstore::Store& store, const std::string& untrusted_uuid);

  std::map<std::string, Result<PublishedFamily>> read_;
};

}  // namespace zynclone::broker::monitors
