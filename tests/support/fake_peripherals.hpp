#pragma once
// The host's devices and who has them, in memory; open to the test, with failures to order.

#include <functional>
#include <map>
#include <set>
#include <vector>

#include "host-broker/ports/peripherals.hpp"

namespace zynclone::tests {

class FakePeripherals : public broker::Peripherals {
 public:
  asio::awaitable<Result<std::optional<broker::PeripheralPlace>>> find(broker::Peripheral peripheral) override;
  asio::awaitable<Result<void>> attach(DomainId domain, broker::Peripheral peripheral, Deadline limit) override;
  asio::awaitable<Result<void>> detach(DomainId domain, broker::Peripheral peripheral, Deadline limit) override;

  std::set<std::string> present;                                       // by what is configured: 04b8:0202
  std::map<std::string, DomainId> holders;
  std::vector<std::string> calls;                                      // "attach 3 04b8:0202", "detach 1 04b8:0202"
  std::function<std::optional<Error>(const std::string& call)> fails;  // asked before each call, also "find 04b8:0202"

 private:
  Result<void> begin(const std::string& call);
};

}  // namespace zynclone::tests
