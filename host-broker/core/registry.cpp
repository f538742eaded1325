#include "host-broker/core/registry.hpp"

#include <algorithm>

namespace zynclone::broker {

Result<void> Registry::load() {
  TRY(auto families, store_.load_all());
  families_.clear();
  for (Family& family : families) families_.emplace(family.vm, std::move(family));
  return outcome::success();
}

const Family* Registry::find(const VmName& vm) const {
  const auto found = families_.find(vm);
  return found == families_.end() ? nullptr : &found->second;
}

const Family* Registry::find(const Uuid& family) const {
  const auto found = std::find_if(families_.begin(), families_.end(), [&](const auto& entry) { return entry.second.uuid == family; });
  return found == families_.end() ? nullptr : &found->second;
}

const Family& Registry::introduce(Family family) {
  const VmName vm = family.vm;
  return families_.insert_or_assign(vm, std::move(family)).first->second;
}

Result<Generation> Registry::change(const VmName& vm, const std::function<void(Family&)>& edit) {
  const auto found = families_.find(vm);
  if (found == families_.end()) return fail(Errc::not_found, "cannot change family '" + vm.text() + "': no such family");
  Family changed = found->second;
  edit(changed);
  ++changed.generation.value;
  TRY(store_.save(changed));
  found->second = std::move(changed);
  return found->second.generation;
}

const Clone* find_clone(const Family& family, std::string_view name) {
  const auto found = std::find_if(family.clones.begin(), family.clones.end(), [&](const Clone& clone) { return clone.name.text() == name; });
  return found == family.clones.end() ? nullptr : &*found;
}

const Clone* find_clone(const Family& family, const CloneName& name) { return find_clone(family, std::string_view(name.text())); }

const Clone* find_clone(const Family& family, const Uuid& uuid) {
  const auto found = std::find_if(family.clones.begin(), family.clones.end(), [&](const Clone& clone) { return clone.uuid == uuid; });
  return found == family.clones.end() ? nullptr : &*found;
}

Clone* find_clone(Family& family, const CloneName& name) { return const_cast<Clone*>(find_clone(std::as_const(family), name)); }

}  // namespace zynclone::broker
