#include "tests/host-broker/core/world.hpp"

namespace zynclone::tests {
namespace {

using namespace protocol;

struct CloneStates : testing::Test {
  World world;
  void SetUp() override { ASSERT_OK(world.create("c")); }

  template <class M>
  OperationState perform(M call) {
    call.name = clone_name("c");
    const auto operation = world.perform(world.guest(), call);
    EXPECT_OK(operation);
    return operation ? operation.value().state : OperationState::failed;
  }
  template <class M>
  Result<Accepted> refused(M call) {
    call.name = clone_name("c");
    return world.call(world.guest(), call);
  }
  CloneState state() { return world.clone("c")->state; }
};

TEST_F(CloneStates, GoRoundAndBack) {
  EXPECT_EQ(state(), CloneState::running);
  EXPECT_EQ(perform(CloneStop{}), OperationState::succeeded);
  EXPECT_EQ(state(), CloneState::active);
  EXPECT_EQ(world.toolstack.find("pos1.c"), nullptr);
  EXPECT_EQ(perform(CloneDeactivate{}), OperationState::succeeded);
  EXPECT_EQ(state(), CloneState::inactive);
  EXPECT_EQ(perform(CloneActivate{}), OperationState::succeeded);
  EXPECT_EQ(state(), CloneState::active);
  EXPECT_EQ(perform(CloneStart{}), OperationState::succeeded);
  EXPECT_EQ(state(), CloneState::running);
  EXPECT_NE(world.toolstack.find("pos1.c"), nullptr);
}

// It was cut over to, and shut down by its guest or with the host.
TEST_F(CloneStates, OneThatHasProductionSpeaksWhenItStarts) {
  perform(CloneStop{});
  world.families.kept.at(world.pos1).production = {.member = world.clone("c")->uuid, .generation = 1};
  world.start();
  const auto started = world.perform(world.guest(), CloneStart{.name = clone_name("c")});
  ASSERT_OK(started);
  EXPECT_EQ(started.value().summary, "clone c is running: interfaces 0 unlocked (it has production)");
}

TEST_F(CloneStates, ItIsTheSameCloneEachTimeItStarts) {
  perform(CloneStop{});
  perform(CloneStart{});
  ASSERT_EQ(world.toolstack.started.size(), 2u);
  EXPECT_EQ(world.toolstack.started[0].uuid, world.toolstack.started[1].uuid);
  EXPECT_EQ(world.toolstack.started[0].vifs[0].mac, world.toolstack.started[1].vifs[0].mac);
  EXPECT_EQ(world.toolstack.started[0].vifs[0].interface, world.toolstack.started[1].vifs[0].interface);
}

TEST_F(CloneStates, EachChangeRaisesTheGeneration) {
  const auto before = world.family().generation;
  perform(CloneStop{});
  EXPECT_GT(world.family().generation, before);
  EXPECT_EQ(world.network.applied.back().generation, world.family().generation);
}

TEST_F(CloneStates, WhatDoesNotFitIsAConflictThatSaysTheState) {
  const auto again = refused(CloneStart{});
  ASSERT_FAILS(again, Errc::conflict);
  EXPECT_NE(again.error().message.find("it is running"), std::string::npos);
  EXPECT_FAILS(refused(CloneActivate{}), Errc::conflict);
  EXPECT_FAILS(refused(CloneDeactivate{}), Errc::conflict);
  EXPECT_FAILS(refused(CloneRemove{}), Errc::conflict);
  perform(CloneStop{});
  EXPECT_FAILS(refused(CloneStop{}), Errc::conflict);
}

TEST_F(CloneStates, AGuestThatDoesNotShutDownIsEnded) {
  world.toolstack.fails = [](const std::string& call) -> std::optional<Error> {
    if (call.starts_with("shut_down")) return Error{Errc::timed_out, "it did not shut down in 60 s"};
    return std::nullopt;
  };
  EXPECT_EQ(perform(CloneStop{}), OperationState::succeeded);
  EXPECT_EQ(world.toolstack.calls.back(), "end pos1.c");
  EXPECT_EQ(state(), CloneState::active);
}

TEST_F(CloneStates, AStartThatFailsPutsTheStateBack) {
  perform(CloneStop{});
  perform(CloneDeactivate{});
  world.toolstack.fails = [](const std::string& call) -> std::optional<Error> {
    if (call.starts_with("start_paused")) return Error{Errc::xen, "no memory"};
    return std::nullopt;
  };
  EXPECT_EQ(perform(CloneStart{}), OperationState::failed);
  EXPECT_EQ(state(), CloneState::inactive);
}

TEST_F(CloneStates, RemoveLeavesNothing) {
  perform(CloneStop{});
  EXPECT_EQ(perform(CloneRemove{}), OperationState::succeeded);
  EXPECT_EQ(world.clone("c"), nullptr);
  world.expect_untouched();
}

TEST_F(CloneStates, ARemoveThatFailsHalfwayIsFinishedByTheNext) {
  perform(CloneStop{});
  world.storage.fails = [](const std::string& call) -> std::optional<Error> {
    if (call.starts_with("remove")) return Error{Errc::storage, "lvremove: busy"};
    return std::nullopt;
  };
  EXPECT_EQ(perform(CloneRemove{}), OperationState::failed);
  ASSERT_NE(world.clone("c"), nullptr) << "what is left must be found";
  EXPECT_EQ(state(), CloneState::removing);
  EXPECT_FAILS(refused(CloneStart{}), Errc::conflict);
  world.storage.fails = nullptr;
  EXPECT_EQ(perform(CloneRemove{}), OperationState::succeeded);
  world.expect_untouched();
}

TEST_F(CloneStates, VolumesInUseByADomainStartedByHandStay) {
  perform(CloneStop{});
  world.toolstack.domains.push_back(broker::Domain{.id = DomainId{77}, .uuid = world.clone("c")->uuid, .name = "by-hand"});
  EXPECT_FAILS(refused(CloneRemove{}), Errc::conflict);
  EXPECT_EQ(world.storage.volumes.size(), 2u);
}

TEST_F(CloneStates, RenameKeepsEverythingElse) {
  EXPECT_FAILS(world.call(world.guest(), CloneRename{.name = clone_name("c"), .new_name = clone_name("d")}), Errc::conflict);
  perform(CloneStop{});
  const Uuid uuid = world.clone("c")->uuid;
  EXPECT_FAILS(world.call(world.guest(), CloneRename{.name = clone_name("c"), .new_name = clone_name("pos1")}), Errc::already_exists);
  const auto renamed = world.perform(world.guest(), CloneRename{.name = clone_name("c"), .new_name = clone_name("d")});
  ASSERT_OK(renamed);
  EXPECT_EQ(renamed.value().state, OperationState::succeeded);
  ASSERT_NE(world.clone("d"), nullptr);
  EXPECT_EQ(world.clone("d")->uuid, uuid);
  EXPECT_EQ(world.clone("c"), nullptr);
}

}  // namespace
}  // namespace zynclone::tests
