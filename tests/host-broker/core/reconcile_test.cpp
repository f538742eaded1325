#include "tests/host-broker/core/world.hpp"
#include "tests/support/run.hpp"

namespace zynclone::tests {
namespace {

using namespace protocol;

TEST(Reconcile, ACloneWhoseDomainHasGoneIsActive) {
  World world;
  ASSERT_OK(world.create("a"));
  std::erase_if(world.toolstack.domains, [](const broker::Domain& domain) { return domain.name == "pos1.a"; });
  world.crash();
  world.start();
  EXPECT_EQ(world.clone("a")->state, CloneState::active);
  EXPECT_EQ(world.journal.audit.back().event, "ended");
  const auto started = world.perform(world.guest(), CloneStart{.name = clone_name("a")});
  ASSERT_OK(started);
  EXPECT_EQ(started.value().state, OperationState::succeeded);
}

TEST(Reconcile, ACloneThatHasADomainIsRunning) {
  for (const char* change : {"stop", "deactivate"}) {
    World world;
    ASSERT_OK(world.create("a"));
    const broker::Domain domain = *world.toolstack.find("pos1.a");
    ASSERT_OK(world.perform(world.guest(), CloneStop{.name = clone_name("a")}));
    if (std::string(change) == "deactivate") {
      ASSERT_OK(world.perform(world.guest(), CloneDeactivate{.name = clone_name("a")}));
    }
    // Restored with the host, say.
    world.toolstack.domains.push_back(domain);
    EXPECT_FAILS(world.call(world.guest(), CloneDeactivate{.name = clone_name("a")}), Errc::conflict);
    EXPECT_FAILS(world.call(world.guest(), CloneRename{.name = clone_name("a"), .new_name = clone_name("b")}), Errc::conflict);
    EXPECT_FAILS(world.call(world.guest(), CloneRemove{.name = clone_name("a")}), Errc::conflict);
    run(*world.context, world.broker->reconcile());
    EXPECT_EQ(world.clone("a")->state, CloneState::running);
    EXPECT_EQ(world.journal.audit.back().event, "appeared");
    const auto stopped = world.perform(world.guest(), CloneStop{.name = clone_name("a")});
    ASSERT_OK(stopped);
    EXPECT_EQ(stopped.value().state, OperationState::succeeded);
    EXPECT_EQ(world.toolstack.domains.size(), 1u);
  }
}

TEST(Reconcile, AGuestThatRebootsInsteadOfShuttingDownIsEnded) {
  World world;
  ASSERT_OK(world.create("a"));
  world.toolstack.guests_reboot = true;
  const auto stopped = world.perform(world.guest(), CloneStop{.name = clone_name("a")});
  ASSERT_OK(stopped);
  EXPECT_EQ(stopped.value().state, OperationState::succeeded);
  EXPECT_EQ(world.toolstack.find("pos1.a"), nullptr);
  EXPECT_EQ(world.clone("a")->state, CloneState::active);
}

TEST(Reconcile, MembersAreKnownByTheirUuid) {
  World world;
  ASSERT_OK(world.create("a"));
  const broker::Domain* clone = world.toolstack.find("pos1.a");
  const auto member = world.broker->identify(*clone);
  ASSERT_TRUE(member);
  EXPECT_EQ(member->name, "a");
  EXPECT_EQ(member->family, world.pos1_uuid);
  const broker::Domain stranger{.id = DomainId{5}, .uuid = Uuid::random(), .name = "pos1"};
  EXPECT_FALSE(world.broker->identify(stranger)) << "a name proves nothing";
}

TEST(Reconcile, TheFamilyIsShownWithEachMembersRole) {
  World world;
  ASSERT_OK(world.create("a"));
  const auto original = world.call(world.guest(), FamilyShow{});
  ASSERT_OK(original);
  EXPECT_EQ(original.value().role, MemberRole::original);
  EXPECT_EQ(original.value().self, "pos1");
  ASSERT_EQ(original.value().clones.size(), 1u);
  EXPECT_FALSE(original.value().clones[0].disks.at(0).location) << "the host's paths are the host's";
  const auto clone = world.call(world.guest("a"), FamilyShow{});
  ASSERT_OK(clone);
  EXPECT_EQ(clone.value().role, MemberRole::clone);
  const auto admin = world.call(world.admin(), FamilyShow{});
  ASSERT_OK(admin);
  EXPECT_TRUE(admin.value().clones[0].disks.at(0).location);
}

// A family with one operation that waits in the middle of itself, for lockdown to be acknowledged, and one behind it.
struct Cancel : testing::Test {
  World world;
  OperationId first, second;

  void SetUp() override {
    world.network.hold = std::make_shared<asio::steady_timer>(*world.context, asio::steady_timer::time_point::max());
    first = ask("a");
    second = ask("b");
  }
  OperationId ask(const std::string& name) {
    CloneCreate call;
    call.name = clone_name(name);
    const auto accepted = world.call(world.guest(), call);
    EXPECT_OK(accepted);
    world.settle();
    return accepted.value().operation->id;
  }
  void release() {
    const auto held = std::move(world.network.hold);
    held->cancel();
    world.settle();
  }
  OperationState state(const OperationId& id) { return world.call(world.guest(), OperationShow{.id = id}).value().state; }
};

TEST_F(Cancel, AQueuedOperationEndsBeforeItBegins) {
  EXPECT_EQ(state(first), OperationState::running);
  EXPECT_EQ(state(second), OperationState::queued);
  EXPECT_OK(world.call(world.guest(), OperationCancel{.id = second}));
  release();
  EXPECT_EQ(state(first), OperationState::succeeded);
  EXPECT_EQ(state(second), OperationState::cancelled);
  EXPECT_EQ(world.clone("b"), nullptr);
  EXPECT_FAILS(world.call(world.guest(), OperationCancel{.id = second}), Errc::not_found);
}

TEST_F(Cancel, OnceMoreCostsNothing) {
  EXPECT_OK(world.call(world.guest(), OperationCancel{.id = second}));
  const std::size_t writes = world.journal.calls.size();
  for (int i = 0; i < 90; ++i) EXPECT_OK(world.call(world.guest(), OperationCancel{.id = second}));
  EXPECT_EQ(world.journal.calls.size(), writes);
}

TEST_F(Cancel, WithoutAJournalItIsNone) {
  world.journal.fails = [](const std::string&) { return Error{Errc::no_space, "full"}; };
  EXPECT_FAILS(world.call(world.guest(), OperationCancel{.id = first}), Errc::no_space);
  world.journal.fails = nullptr;
  release();
  EXPECT_EQ(state(first), OperationState::succeeded);
}

TEST_F(Cancel, ARunningOperationIsUndone) {
  EXPECT_OK(world.call(world.guest(), OperationCancel{.id = second}));
  EXPECT_OK(world.call(world.guest(), OperationCancel{.id = first}));
  release();
  EXPECT_EQ(state(first), OperationState::cancelled);
  world.expect_untouched();
}

}  // namespace
}  // namespace zynclone::tests
