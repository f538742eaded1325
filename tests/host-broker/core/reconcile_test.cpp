#include "tests/host-broker/core/world.hpp"

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

TEST(Cancel, AQueuedOperationEndsAndARunningOneIsUndone) {
  World world;
  CloneCreate first;
  first.name = clone_name("a");
  CloneCreate second;
  second.name = clone_name("b");
  // Both are accepted before either runs: the context is not run in between.
  std::string answers[2];
  auto ask = [&](CloneCreate call, std::string& answer) {
    protocol::Request request{.id = 1, .method = call};
    asio::co_spawn(*world.context, world.broker->handle(world.guest(), request), [&answer](std::exception_ptr, std::string text) { answer = std::move(text); });
  };
  ask(first, answers[0]);
  ask(second, answers[1]);
  world.context->restart();
  while (answers[1].empty()) ASSERT_GT(world.context->run_one(), 0u);
  const auto accepted = decode_response<CloneCreate>(answers[1]);
  ASSERT_OK(accepted);
  const auto id = accepted.value().operation->id;
  const auto cancelled = world.call(world.guest(), OperationCancel{.id = id});
  ASSERT_OK(cancelled);
  world.settle();
  EXPECT_EQ(world.call(world.guest(), OperationShow{.id = id}).value().state, OperationState::cancelled);
  EXPECT_EQ(world.clone("b"), nullptr);
  EXPECT_NE(world.clone("a"), nullptr);
  EXPECT_FAILS(world.call(world.guest(), OperationCancel{.id = id}), Errc::not_found);
}

}  // namespace
}  // namespace zynclone::tests
