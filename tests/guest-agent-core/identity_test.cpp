#include "guest-agent-core/identity.hpp"

#include "tests/guest-agent-core/fakes.hpp"

namespace zynclone::tests {
namespace {

class IdentityTest : public ::testing::Test {
 protected:
  ~IdentityTest() override {
    if (!watcher) return;
    watcher->stop();
    EXPECT_TRUE(run_until(context, [&] { return ended; }));
  }

  void begin() {
    IdentityEvents events;
    events.moved = [this](Move move, const Identity& now) {
      moves.push_back(move);
      EXPECT_EQ(watcher->current(), now);
    };
    events.interfaces_changed = [this](const Identity& now) { interfaces.push_back(environment_of(now).at("ZYNCLONE_INTERFACES")); };
    events.changed = [this](const Identity&) { ++changes; };
    watcher.emplace(source, last, std::move(events));
    asio::co_spawn(context, watcher->run(), [this](std::exception_ptr) { ended = true; });
  }
  void become(Identity identity) {
    const unsigned before = changes;
    source.set(std::move(identity));
    EXPECT_TRUE(run_until(context, [&] { return changes > before; }));
    settle(context);
  }

  asio::io_context context;
  FakeIdentitySource source;
  FakeLastIdentity last;
  std::optional<IdentityWatcher> watcher;
  std::vector<Move> moves;
  std::vector<std::string> interfaces;
  unsigned changes = 0;
  bool ended = false;
};

TEST_F(IdentityTest, TheFirstReadingIsNoMove) {
  source.set(original_identity());
  begin();
  ASSERT_TRUE(run_until(context, [&] { return changes == 1; }));
  EXPECT_EQ(watcher->current(), original_identity());
  EXPECT_TRUE(moves.empty());
  EXPECT_EQ(interfaces, (std::vector<std::string>{"0=unlocked"}));
}

TEST_F(IdentityTest, FirstReadingEndsAlsoWhenItFails) {
  begin();
  run(context, watcher->first_reading());
  EXPECT_FALSE(watcher->current());
}

TEST_F(IdentityTest, AnotherUuidInTheSameProcessIsALiveClone) {
  source.set(original_identity());
  begin();
  ASSERT_TRUE(run_until(context, [&] { return changes == 1; }));
  settle(context);
  become(clone_identity());
  EXPECT_EQ(moves, (std::vector<Move>{Move::woke_elsewhere}));
  EXPECT_EQ(interfaces.back(), "0=disabled");
}

TEST_F(IdentityTest, ACloneWithTheSameDomainIdIsStillAClone) {
  source.set(original_identity());
  begin();
  ASSERT_TRUE(run_until(context, [&] { return changes == 1; }));
  settle(context);
  Identity clone = clone_identity();
  clone.domain = original_identity().domain;
  become(clone);
  EXPECT_EQ(moves, (std::vector<Move>{Move::woke_elsewhere}));
}

TEST_F(IdentityTest, ADiskOfAnotherVmIsAClone) {
  last.kept = original_identity().uuid;
  source.set(clone_identity());
  begin();
  ASSERT_TRUE(run_until(context, [&] { return changes == 1; }));
  EXPECT_EQ(moves, (std::vector<Move>{Move::booted_elsewhere}));
}

TEST_F(IdentityTest, TheSameVmBootedAgainIsNone) {
  last.kept = original_identity().uuid;
  source.set(original_identity());
  begin();
  ASSERT_TRUE(run_until(context, [&] { return changes == 1; }));
  EXPECT_TRUE(moves.empty());
}

TEST_F(IdentityTest, TheSameVmUnderAnotherDomainIdWasRestored) {
  source.set(original_identity());
  begin();
  ASSERT_TRUE(run_until(context, [&] { return changes == 1; }));
  settle(context);
  Identity restored = original_identity();
  restored.domain = DomainId{6};
  become(restored);
  EXPECT_EQ(moves, (std::vector<Move>{Move::restored}));
}

TEST_F(IdentityTest, ANewGenerationIsNoMove) {
  source.set(original_identity());
  begin();
  ASSERT_TRUE(run_until(context, [&] { return changes == 1; }));
  settle(context);
  Identity later = original_identity();
  later.membership->generation = Generation{5};
  become(later);
  EXPECT_TRUE(moves.empty());
  EXPECT_EQ(interfaces.size(), 1u) << "their modes are as before";
}

TEST_F(IdentityTest, ChangedModesAreTold) {
  source.set(original_identity());
  begin();
  ASSERT_TRUE(run_until(context, [&] { return changes == 1; }));
  settle(context);
  Identity locked = original_identity();
  locked.interfaces = {{0, protocol::VifMode::disabled}, {2, protocol::VifMode::locked}};
  become(locked);
  EXPECT_EQ(interfaces.back(), "0=disabled 2=locked");
  locked.interfaces.clear();
  become(locked);
  EXPECT_EQ(interfaces.back(), "");
}

TEST_F(IdentityTest, TheSameAgainIsNothing) {
  source.set(original_identity());
  begin();
  ASSERT_TRUE(run_until(context, [&] { return changes == 1; }));
  settle(context);
  source.set(original_identity());
  settle(context);
  EXPECT_EQ(changes, 1u);
}

TEST_F(IdentityTest, WhatCannotBeReadChangesNothing) {
  source.set(original_identity());
  begin();
  ASSERT_TRUE(run_until(context, [&] { return changes == 1; }));
  settle(context);
  source.fail(Error{Errc::unavailable, "xenstored is gone"});
  settle(context);
  EXPECT_EQ(watcher->current(), original_identity());
  EXPECT_TRUE(moves.empty());
}

TEST(Identity, IsDescribedForPeople) {
  EXPECT_EQ(describe(original_identity()), "pos1 (original)");
  EXPECT_EQ(describe(clone_identity()), "upgrade-1 (clone of pos1)");
  Identity stranger;
  stranger.domain = DomainId{7};
  EXPECT_EQ(describe(stranger), "domain 7");
}

TEST(Identity, IsToldToHooks) {
  const HookEnvironment expected{{"ZYNCLONE_UUID", clone_identity().uuid.text()},
                                 {"ZYNCLONE_ROLE", "clone"},
                                 {"ZYNCLONE_VM", "pos1"},
                                 {"ZYNCLONE_MEMBER", "upgrade-1"},
                                 {"ZYNCLONE_INTERFACES", "0=disabled"}};
  EXPECT_EQ(environment_of(clone_identity()), expected);
}

}  // namespace
}  // namespace zynclone::tests
