#pragma once
// Volumes in memory, with their state open to the test and failures to order.

#include <functional>
#include <map>

#include "host-broker/ports/storage.hpp"

namespace zynclone::tests {

class FakeStorage : public broker::Storage {
 public:
  asio::awaitable<Result<void>> check_room(broker::Volume source, broker::SourceUse use) override;
  asio::awaitable<Result<std::optional<broker::Snapshot>>> find_snapshot(broker::SnapshotRequest request) override;
  asio::awaitable<Result<broker::Snapshot>> snapshot(broker::SnapshotRequest request) override;
  asio::awaitable<Result<void>> remove(broker::SnapshotRequest request) override;
  asio::awaitable<Result<std::uint64_t>> size_of(broker::Volume volume) override;
  asio::awaitable<Result<Layers>> layers_of(broker::Volume volume) override;

  std::map<std::string, std::uint64_t> volumes;                        // path → size; sources are put there by the test
  std::vector<std::string> calls;                                      // "snapshot <path>", "remove <path>", "check_room <path>"
  std::function<std::optional<Error>(const std::string& call)> fails;  // asked before each call
  std::map<std::string, Layers> layers;                                // of those that stand on any
  bool copies_need_switch = false;                                     // as a qcow2 in use does

 private:
  static std::string path_of(const broker::SnapshotRequest& request);
  Result<void> begin(std::string call);
};

}  // namespace zynclone::tests
