#pragma once
// Domains in memory, with their state open to the test and failures to order.

#include <functional>
#include <map>

#include "host-broker/ports/toolstack.hpp"

namespace zynclone::tests {

class FakeToolstack : public broker::Toolstack {
 public:
  asio::awaitable<Result<broker::VmConfig>> read_config(VmName vm, std::string file) override;
  asio::awaitable<Result<std::vector<broker::Domain>>> list_domains() override;
  asio::awaitable<Result<DomainId>> start_paused(broker::CloneDomain domain) override;
  asio::awaitable<Result<DomainId>> restore_paused(broker::CloneDomain domain, std::string image_file) override;
  asio::awaitable<Result<DomainId>> start_original_paused(VmName vm, std::string file) override;
  asio::awaitable<Result<void>> pause(DomainId domain) override;
  asio::awaitable<Result<void>> unpause(DomainId domain) override;
  asio::awaitable<Result<void>> shut_down(DomainId domain, Deadline limit) override;
  asio::awaitable<Result<void>> end(Uuid uuid) override;
  asio::awaitable<Result<void>> switch_layer(DomainId domain, broker::VmDisk disk) override;

  // Adds a running original with its configuration.
  broker::Domain& run(broker::VmConfig config);
  broker::Domain* find(const std::string& name);

  std::map<VmName, broker::VmConfig> configs;
  std::vector<broker::Domain> domains;
  std::vector<broker::CloneDomain> started;
  std::vector<std::string> restored;                                          // the image files that domains were restored from
  std::vector<std::string> calls;                                             // "unpause pos1", …
  std::function<std::optional<Error>(const std::string& call)> fails;         // asked before each call that changes something
  bool guests_reboot = false;                                                 // instead of shutting down

 private:
  asio::awaitable<Result<DomainId>> build(std::string verb, broker::CloneDomain domain);
  Result<broker::Domain*> begin(std::string verb, DomainId id);
  std::uint32_t next_id_ = 1;
};

}  // namespace zynclone::tests
