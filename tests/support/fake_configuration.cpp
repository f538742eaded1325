#include "tests/support/fake_configuration.hpp"

#include <cassert>

namespace zynclone::tests {

using broker::Family;
using broker::GuestConfig;

GuestConfig& FakeConfiguration::enable(std::string_view vm) {
  auto name = VmName::parse(vm);
  assert(name);
  GuestConfig& config = configs[name.value()];
  config.vm = name.value();
  config.xl_config = "/etc/xen/" + name.value().text() + ".cfg";
  return config;
}

Result<std::vector<VmName>> FakeConfiguration::guests() {
  std::map<VmName, bool> names;
  for (const auto& [vm, config] : configs) names[vm] = true;
  for (const auto& [vm, error] : broken) names[vm] = true;
  std::vector<VmName> list;
  for (const auto& [vm, there] : names) list.push_back(vm);
  return list;
}

Result<GuestConfig> FakeConfiguration::guest(const VmName& vm) {
  if (const auto found = broken.find(vm); found != broken.end()) return found->second;
  if (const auto found = configs.find(vm); found != configs.end()) return found->second;
  return fail(Errc::refused, "cannot use VM '" + vm.text() + "': it has no guest configuration");
}

Result<std::vector<Family>> FakeFamilies::load_all() {
  if (load_fails) return *load_fails;
  std::vector<Family> list;
  for (const auto& [vm, family] : kept) list.push_back(family);
  return list;
}

Result<void> FakeFamilies::save(const Family& family) {
  if (save_fails) {
    if (auto error = save_fails(family)) return *error;
  }
  kept[family.vm] = family;
  saved.push_back(family);
  return outcome::success();
}

}  // namespace zynclone::tests
