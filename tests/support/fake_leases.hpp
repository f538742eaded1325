#pragma once
// Leases in memory that behave as journal::SqlJournal's do (tests/host-broker/journal/leases_contract_test.cpp), with their state open to the
// test and failures to order. They outlive a "restarted" broker, as the file does.

#include <functional>
#include <map>

#include "host-broker/ports/leases.hpp"

namespace zynclone::tests {

class FakeLeases : public broker::Leases {
 public:
  asio::awaitable<Result<broker::Lease>> find_lease(std::string resource) override;
  asio::awaitable<Result<broker::Lease>> pass_lease(std::string resource, std::uint64_t token, std::optional<Uuid> holder) override;

  std::map<std::string, broker::Lease> leases;   // by resource
  std::vector<std::string> calls;                // "pass_lease <resource> <token> <holder>", with - for nobody

  // Asked before each call that writes, with its text as in `calls`: an error makes the call fail and change nothing.
  std::function<std::optional<Error>(const std::string& call)> fails;

 private:
  broker::Lease lease_of(const std::string& resource) const;
};

}  // namespace zynclone::tests
