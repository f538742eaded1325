#pragma once
// The VifFilter of a real host: the kernel's nftables, by libnftables, in the tables `bridge zynclone` and `netdev zynclone` of the network
// namespace in which the calls are made. Needs CAP_NET_ADMIN. What it put in force stays after the process.

#include <boost/asio/posix/stream_descriptor.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "host-broker/network/vif_filter.hpp"

namespace zynclone::broker::network {

// The rules of `bridge zynclone` are there before the interfaces are. Those of `netdev zynclone` (nft_ingress.hpp) can only be made for
// interfaces that exist: a new restricted one lacks them until the next `apply`, `in_force` then gives none, and `changed` wakes for it.
class NftablesFilter : public VifFilter {
 public:
  // `executor` runs `changed`. Errors: system when the kernel gives no word of changes (no nftables, no permission).
  static Result<NftablesFilter> create(asio::any_io_executor executor);

  Result<void> apply(const FilterState& desired) override;
  Result<std::optional<FilterState>> in_force() override;
  asio::awaitable<Result<void>> changed() override;

 private:
  NftablesFilter(asio::posix::stream_descriptor rules, asio::posix::stream_descriptor links)
      : rules_(std::move(rules)), links_(std::move(links)) {}
  // What was listed last, and whether it still holds.
  struct Known {
    std::uint32_t generation = 0;             // of nftables (rules_generation)
    std::map<std::string, unsigned> present;  // interfaces, with their indices: of a gone one the rules may go uncounted
    std::chrono::steady_clock::time_point listed;
    FilterState state;
  };

  std::optional<Known> known_;
  asio::posix::stream_descriptor rules_;  // tells of changes of nftables
  asio::posix::stream_descriptor links_;  // tells of interfaces that come, go or change
};

}  // namespace zynclone::broker::network
