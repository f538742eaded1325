#pragma once
// The VifFilter of a real host: the kernel's nftables, by libnftables, in the table `bridge zynclone` of the network namespace in which
// the calls are made. Needs CAP_NET_ADMIN. What it put in force stays after the process.

#include <boost/asio/posix/stream_descriptor.hpp>

#include "host-broker/network/vif_filter.hpp"

namespace zynclone::broker::network {

class NftablesFilter : public VifFilter {
 public:
  // `executor` runs `changed`. Errors: system when the kernel gives no word of changes (no nftables, no permission).
  static Result<NftablesFilter> create(asio::any_io_executor executor);

  Result<void> apply(const FilterState& desired) override;
  Result<std::optional<FilterState>> in_force() override;
  asio::awaitable<Result<void>> changed() override;

 private:
  explicit NftablesFilter(asio::posix::stream_descriptor notifications) : notifications_(std::move(notifications)) {}
  asio::posix::stream_descriptor notifications_;
};

}  // namespace zynclone::broker::network
