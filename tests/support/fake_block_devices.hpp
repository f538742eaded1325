#pragma once
// Which domain has which volume, in memory; open to the test, with failures to order. Behaves as the real ones do
// (tests/host-broker/ports/block_devices_contract.hpp).

#include <functional>
#include <map>

#include "host-broker/ports/block_devices.hpp"

namespace zynclone::tests {

class FakeBlockDevices : public broker::BlockDevices {
 public:
  asio::awaitable<Result<std::vector<broker::Attachment>>> attachments_of(broker::Volume volume) override;
  asio::awaitable<Result<void>> attach(DomainId domain, broker::VmDisk disk) override;
  asio::awaitable<Result<void>> detach(DomainId domain, broker::VmDisk disk, broker::Detach how, Deadline limit) override;

  std::map<std::string, std::vector<broker::Attachment>> attached;      // by the volume's path
  std::vector<std::string> calls;                                       // "attach 3 xvds", "detach 1 xvds ask"
  std::function<std::optional<Error>(const std::string& call)> fails;   // asked before each call that changes something
  std::shared_ptr<asio::steady_timer> hold_looks;                       // until it is cancelled, nobody learns what is attached
  std::size_t looks = 0;                                                // that were begun
  std::size_t most_at_once = 0;                                         // to how many domains a volume has been attached at one time

 private:
  Result<void> begin(std::string call);
};

}  // namespace zynclone::tests
