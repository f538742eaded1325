#pragma once
// A test with the kernel's own filter on a bridge in a network namespace of its own. Skipped where that may not be made.

#include <gtest/gtest.h>

#include "host-broker/network/nftables_filter.hpp"
#include "tests/host-broker/network/bridge_lab.hpp"
#include "tests/support/result_matchers.hpp"

namespace zynclone::tests {

class FilterLabTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string why_not;
    if (!BridgeLab::enter_namespace(why_not)) GTEST_SKIP() << why_not;
    auto made = broker::network::NftablesFilter::create(context.get_executor());
    if (!made) GTEST_SKIP() << made.error().message;
    filter = std::make_unique<broker::network::NftablesFilter>(std::move(made).value());
    lab = std::make_unique<BridgeLab>();
  }
  void TearDown() override {
    if (!lab) return;
    lab.reset();
    nft("flush ruleset");
  }

  // As somebody at the host's prompt.
  static void nft(const std::string& command) { BridgeLab::run({"nft", command}); }

  void apply(const broker::network::FilterState& state) {
    ASSERT_OK(filter->apply(state));
    const auto now = filter->in_force();
    ASSERT_OK(now);
    EXPECT_EQ(now.value(), checked(state).value()) << "what the kernel lists is read back";
  }

  asio::io_context context{1};
  std::unique_ptr<broker::network::NftablesFilter> filter;
  std::unique_ptr<BridgeLab> lab;
};

}  // namespace zynclone::tests
