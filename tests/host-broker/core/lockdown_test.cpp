#include "tests/host-broker/core/world.hpp"

namespace zynclone::tests {
namespace {

using namespace broker;
using protocol::CloneState;
using protocol::VifMode;

struct Lockdown : testing::Test {
  Family family;

  void SetUp() override {
    family.vm = VmName::parse("pos1").value();
    family.uuid = Uuid::random();
    family.vifs = {CloneVif{.index = 0}, CloneVif{.index = 1}};
  }
  Clone& add(CloneState state, std::uint64_t original_mask, std::uint64_t clone_mask) {
    Clone clone;
    clone.name = clone_name("c" + std::to_string(family.clones.size()));
    clone.uuid = Uuid::random();
    clone.state = state;
    clone.original_mask = VifMask{original_mask};
    clone.clone_mask = VifMask{clone_mask};
    clone.vifs = family.vifs;
    return family.clones.emplace_back(clone);
  }
  std::vector<VifMode> modes(std::size_t member) {
    std::vector<VifMode> result;
    for (const VifLockdown& vif : lockdown_of(family).at(member).vifs) result.push_back(vif.mode);
    return result;
  }
  static constexpr auto on = VifMode::unlocked, off = VifMode::disabled;
};

TEST_F(Lockdown, AnOriginalWithoutClonesIsFree) { EXPECT_EQ(modes(0), (std::vector{on, on})); }

TEST_F(Lockdown, MasksCountWhileAndOnlyWhileInForce) {
  Clone& clone = add(CloneState::running, 0b10, 0b01);
  EXPECT_EQ(modes(0), (std::vector{off, on}));
  EXPECT_EQ(modes(1), (std::vector{on, off}));
  clone.state = CloneState::active;
  EXPECT_EQ(modes(0), (std::vector{off, on}));
  for (const CloneState state : {CloneState::inactive, CloneState::creating, CloneState::removing}) {
    clone.state = state;
    EXPECT_EQ(modes(0), (std::vector{on, on}));
    EXPECT_EQ(modes(1), (std::vector{on, off})) << "a clone's own mask counts whatever its state";
  }
}

TEST_F(Lockdown, SeveralClonesLockTheOriginalTogether) {
  add(CloneState::running, 0b01, 0);
  add(CloneState::active, 0b10, 0);
  EXPECT_EQ(modes(0), (std::vector{off, off}));
}

TEST_F(Lockdown, TheStrictestAllowanceCounts) {
  add(CloneState::running, ~0ull, 0).original_allowance.mode = VifMode::unlocked;
  Clone& strict = add(CloneState::running, ~0ull, 0);
  strict.original_allowance.mode = VifMode::locked;
  strict.original_allowance.ipv4 = {"10.9.0.11"};
  const auto vifs = lockdown_of(family).at(0).vifs;
  EXPECT_EQ(vifs.at(0).mode, VifMode::locked);
  EXPECT_EQ(vifs.at(0).ipv4, std::vector<std::string>{"10.9.0.11"});
}

TEST_F(Lockdown, AClearBitIsDisabledWhateverTheMode) {
  Clone& clone = add(CloneState::running, ~0ull, 0);
  clone.clone_allowance.mode = VifMode::locked;
  clone.clone_allowance.ipv4 = {"10.9.0.11"};
  const auto vifs = lockdown_of(family).at(1).vifs;
  EXPECT_EQ(vifs.at(0).mode, VifMode::disabled);
  EXPECT_TRUE(vifs.at(0).ipv4.empty());
}

TEST_F(Lockdown, AnIsolatedCloneIsUnlockedOnItsOwnBridge) {
  Clone& clone = add(CloneState::running, ~0ull, 0);
  clone.network = protocol::CloneNetwork::isolated;
  clone.vifs[0].bridge = "xenbr0";
  clone.vifs[1].bridge = "xenbr1";
  clone.clone_allowance = {.mode = VifMode::locked, .ipv4 = {"10.9.0.11"}};
  clone.awaits_identity = true;
  EXPECT_EQ(modes(1), (std::vector{off, off})) << "nor before it has taken its identity";
  clone.awaits_identity = false;
  const auto vifs = lockdown_of(family).at(1).vifs;
  EXPECT_EQ(modes(1), (std::vector{on, on}));
  for (const VifLockdown& vif : vifs) {
    EXPECT_EQ(vif.bridge, isolated_bridge(family.uuid));
    EXPECT_TRUE(vif.ipv4.empty());
  }
  EXPECT_EQ(lockdown_of(family).at(0).vifs.at(0).bridge, "") << "the original is left where it is";
  EXPECT_EQ(bridge_at_start(family, clone, clone.vifs[1]), isolated_bridge(family.uuid));
  // With production it has what the original has, where the original has it.
  family.production = {.member = clone.uuid, .generation = 2, .announce = {}};
  EXPECT_EQ(lockdown_of(family).at(1).vifs.at(1).bridge, "xenbr1");
  EXPECT_EQ(bridge_at_start(family, clone, clone.vifs[1]), "xenbr1");
  EXPECT_EQ(modes(0), (std::vector{off, off}));
}

}  // namespace
}  // namespace zynclone::tests
