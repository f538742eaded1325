#pragma once
// Configuration and families in memory, with their state open to the test and failures to order.

#include <functional>
#include <map>

#include "host-broker/ports/configuration.hpp"

namespace zynclone::tests {

class FakeConfiguration : public broker::Configuration {
 public:
  Result<std::vector<VmName>> guests() override;
  Result<broker::GuestConfig> guest(const VmName& vm) override;

  // Enables a VM with default values, and gives them to be changed.
  broker::GuestConfig& enable(std::string_view vm);

  std::map<VmName, broker::GuestConfig> configs;
  std::map<VmName, Error> broken;     // enabled, but its file has a mistake
};

class FakeFamilies : public broker::Families {
 public:
  Result<std::vector<broker::Family>> load_all() override;
  Result<void> save(const broker::Family& family) override;

  std::map<VmName, broker::Family> kept;
  std::vector<broker::Family> saved;  // every one, in order
  std::optional<Error> load_fails;
  std::function<std::optional<Error>(const broker::Family& family)> save_fails;  // asked before; an error changes nothing
};

}  // namespace zynclone::tests
