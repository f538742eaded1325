#pragma once
// The VifFilter of the sandbox: keeps the state in a text file, which the sandbox and tests read, and filters nothing. Lines are
// `unknown pass|hold`, then for each interface `<interface> <mode> <mac> <ipv4,...> <ipv6,...>`, with - for what there is none of; mode
// `isolated` is unlocked, among its like only.

#include <cstddef>
#include <filesystem>

#include "host-broker/network/vif_filter.hpp"

namespace zynclone::broker::network {

inline constexpr std::size_t k_largest_pretended_file = 4 << 20;

std::string state_text(const FilterState& state);
Result<FilterState> parse_state_text(std::string_view untrusted_text);

class PretendedFilter : public VifFilter {
 public:
  explicit PretendedFilter(std::filesystem::path file) : file_(std::move(file)) {}

  Result<void> apply(const FilterState& desired) override;
  Result<std::optional<FilterState>> in_force() override;
  asio::awaitable<Result<void>> changed() override;  // waits for ever: who changes the file by hand waits for the next check

 private:
  std::filesystem::path file_;
};

}  // namespace zynclone::broker::network
