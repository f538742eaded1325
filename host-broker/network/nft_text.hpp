#pragma once
// A FilterState as nftables rules and back: pure functions. All that differs between states is in named sets, and one rule for unknown
// interfaces; the chains are always the same, so that a few hash look-ups judge a frame, however many interfaces there are.

#include <optional>
#include <string>
#include <string_view>

#include "host-broker/network/vif_filter.hpp"

namespace zynclone::broker::network {

// The table `bridge zynclone` as `nft --stateless --numeric list table` shows it (nft 1.0.6). `state` must be `checked`.
std::string table_text(const FilterState& state);

// One transaction that makes the table so, whatever of it is there. `afresh` deletes the table first: for one whose chains someone
// changed so that they cannot be filled again.
enum class Replace { contents, afresh };
std::string transaction_text(const FilterState& state, Replace replace);

// The state whose table this is, or none when the text is not exactly the table of any state.
std::optional<FilterState> state_of_table(std::string_view untrusted_listing);

}  // namespace zynclone::broker::network
