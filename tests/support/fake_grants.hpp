#pragma once
// Grants in memory; they outlive a "restarted" broker, as the file does.

#include "host-broker/ports/grants.hpp"

namespace zynclone::tests {

class FakeGrants : public broker::Grants {
 public:
  asio::awaitable<Result<void>> add_grant(protocol::GrantView grant) override;
  asio::awaitable<Result<std::vector<protocol::GrantView>>> usable_grants(std::optional<VmName> vm, Timestamp now) override;
  asio::awaitable<Result<void>> use_grant(OperationId id) override;
  asio::awaitable<Result<protocol::GrantView>> revoke_grant(OperationId id) override;

  std::vector<protocol::GrantView> grants;
};

}  // namespace zynclone::tests
