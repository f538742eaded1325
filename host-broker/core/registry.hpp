#pragma once
// The families of this host, in memory as on disk: a change is written whole and synced before it counts. Owned by the Broker;
// used on its one thread, a family changed only by the operation that holds its lock.

#include <functional>
#include <map>

#include "host-broker/core/ports.hpp"

namespace zynclone::broker {

class Registry {
 public:
  explicit Registry(Families& store) : store_(store) {}

  Result<void> load();

  const Family* find(const VmName& vm) const;
  const Family* find(const Uuid& family) const;
  const std::map<VmName, Family>& all() const { return families_; }

  // A family that nothing was changed in yet stands in memory only.
  const Family& introduce(Family family);

  // Applies `edit` to a copy, raises the generation, saves, and only then lets the copy count. Gives the new generation.
  Result<Generation> change(const VmName& vm, const std::function<void(Family&)>& edit);

 private:
  Families& store_;
  std::map<VmName, Family> families_;
};

// The clone of this name, or null. The pointer is good until the family changes.
const Clone* find_clone(const Family& family, const CloneName& name);
Clone* find_clone(Family& family, const CloneName& name);
const Clone* find_clone(const Family& family, const Uuid& uuid);
const Clone* find_clone(const Family& family, std::string_view name);  // of what may be no name at all

}  // namespace zynclone::broker
