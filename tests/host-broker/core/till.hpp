#pragma once
// A World whose VM has a shared volume, and a clone, "standby", that may take it over.

#include "tests/host-broker/core/world.hpp"

namespace zynclone::tests {

struct Till : World {
  Till();

  protocol::CutoverStart to(const std::string& member) const;
  // Exactly one member has production and its interfaces, and it has the volume, attached to it alone. Gives its name.
  std::string producer();
  std::vector<std::string> domains_with_volume() const;
  // As a cutover leaves it that cannot be undone either: nobody has production. The broker is started anew.
  void lose_production();
  broker::Domain& domain(const std::string& name) { return *toolstack.find(name); }

  const std::string volume = "/dev/vg0/pos1-sales";
};

}  // namespace zynclone::tests
