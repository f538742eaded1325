#pragma once
// What every channel promises (protocol/channel/channel.hpp), as cases of two halves that run against each other: in one process
// on a pair of channels, or, for vchan, one half in a guest and the other in dom0 (the program channel_contract).

#include <vector>

#include "protocol/channel/channel.hpp"
#include "system/async.hpp"

namespace zynclone::tests {

struct ContractCase {
  using Half = asio::awaitable<Result<void>> (*)(channel::Channel& channel);
  const char* name;
  Half guest;
  Half broker;
};

// Each case gets a channel of its own; the order is the same on both sides.
const std::vector<ContractCase>& channel_contract();

// Both halves at once in this thread. Gives the first failure of either, with the half's name.
asio::awaitable<Result<void>> run_case(ContractCase contract_case, channel::Channel& guest, channel::Channel& broker);

}  // namespace zynclone::tests
