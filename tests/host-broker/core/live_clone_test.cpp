#include "tests/host-broker/core/crashing.hpp"
#include "tests/support/run.hpp"

namespace zynclone::tests {
namespace {

using namespace protocol;
using namespace std::chrono_literals;
using broker::DomainState;

Result<OperationView> create_live(World& world, const std::string& name = "a") { return world.create(name, true, CloneMode::live); }

CloneCreate create_a_live() { return CloneCreate{.name = clone_name("a"), .mode = CloneMode::live}; }

void expect_lets_pos1_go(World& world) {
  EXPECT_EQ(world.toolstack.find("pos1")->state, DomainState::running);
  EXPECT_TRUE(world.memories.kept.empty());
}

VifMode mode_of(World& world, const std::string& member) {
  for (const auto& lockdown : broker::lockdown_of(world.family())) {
    if (lockdown.member == member) return lockdown.vifs.at(0).mode;
  }
  ADD_FAILURE() << "no member " << member;
  return VifMode::disabled;
}

void speak(World& world) {
  auto& config = world.configuration.configs.at(world.pos1);
  config.clone_vif_mask = VifMask{1};
}

TEST(LiveClone, GoesOnFromTheSameInstant) {
  World world;
  speak(world);
  const auto operation = create_live(world);
  ASSERT_OK(operation);
  ASSERT_EQ(operation.value().state, OperationState::succeeded) << (operation.value().error ? operation.value().error->message : "");
  EXPECT_EQ(step_states(operation.value()),
            (std::vector<std::string>{"allow done", "record done", "publish running done", "copy memory and disks done", "restore paused done",
                                      "remove memory image done", "unpause done", "identity done"}));
  EXPECT_EQ(operation.value().steps[3].text, "copied the memory (256 MiB) and 1 disk of pos1; it was paused 0.4 s");
  EXPECT_EQ(operation.value().steps[7].text, "a has taken its identity (6 hooks)");
  EXPECT_FALSE(operation.value().steps[7].warning);
  EXPECT_EQ(operation.value().summary, "clone a is running: interfaces 0 unlocked (mask 0x1), memory and disks as of one instant");

  const broker::Clone* clone = world.clone("a");
  ASSERT_NE(clone, nullptr);
  EXPECT_EQ(clone->consistency, Consistency::live);
  EXPECT_FALSE(clone->awaits_identity);
  EXPECT_NE(clone->generation_id, Uuid());
  EXPECT_NE(clone->generation_id, clone->uuid);
  EXPECT_EQ(world.toolstack.restored, (std::vector<std::string>{"/memory/" + operation.value().id.text()}));
  EXPECT_EQ(world.toolstack.find("pos1.a")->state, DomainState::running);
  expect_lets_pos1_go(world);
  EXPECT_TRUE(world.guests.quiesced.empty());
}

TEST(LiveClone, DisksAreCopiedWhileTheOriginalStandsStill) {
  World world;
  world.toolstack.configs.at(world.pos1).disks.push_back(
      broker::VmDisk{.device = "xvdb", .volume = broker::Volume{broker::VolumeFormat::qcow2, "/images/data.qcow2"}});
  world.storage.volumes["/images/data.qcow2"] = 1;
  world.storage.copies_need_switch = true;
  std::size_t copies = 0;
  world.storage.fails = [&](const std::string& call) -> std::optional<Error> {
    if (!call.starts_with("snapshot ")) return std::nullopt;
    ++copies;
    EXPECT_EQ(world.toolstack.find("pos1")->state, DomainState::paused);
    EXPECT_EQ(world.memories.kept.size(), 1u);
    return std::nullopt;
  };
  const auto operation = create_live(world);
  ASSERT_OK(operation);
  EXPECT_EQ(operation.value().state, OperationState::succeeded);
  EXPECT_EQ(copies, 2u);
  EXPECT_EQ(std::count(world.toolstack.calls.begin(), world.toolstack.calls.end(), "switch_layer xvdb pos1"), 1);
  expect_lets_pos1_go(world);
}

TEST(LiveClone, TheAgentIsToldWhoItIs) {
  World world;
  const auto operation = create_live(world, "b");
  ASSERT_OK(operation);
  ASSERT_EQ(world.guests.identities.size(), 1u);
  const GuestApplyIdentity& told = world.guests.identities[0];
  const broker::Clone* clone = world.clone("b");
  EXPECT_EQ(told.hostname, "pos1-b");
  EXPECT_EQ(told.token, operation.value().id);
  EXPECT_EQ(told.generation_id, clone->generation_id);
  ASSERT_EQ(told.vifs.size(), 1u);
  EXPECT_EQ(told.vifs[0].mac, clone->vifs[0].mac);
  ASSERT_OK(create_live(world, "c"));
  EXPECT_NE(world.clone("c")->generation_id, world.clone("b")->generation_id);
}

TEST(LiveClone, IsRefusedWhereItCannotBe) {
  {
    World world;
    world.toolstack.find("pos1")->state = DomainState::paused;
    const auto refused = create_live(world);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message,
              "cannot clone 'pos1' live: it is paused, and a copy of its memory would let it go on; unpause it, or use mode online");
    EXPECT_EQ(world.toolstack.find("pos1")->state, DomainState::paused);
  }
  {
    World world;
    world.toolstack.domains.clear();
    const auto refused = create_live(world);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message, "cannot clone 'pos1' live: it is not running; use mode offline");
  }
  {
    World world;
    const auto refused = world.create("a", false, CloneMode::live);
    EXPECT_FAILS(refused, Errc::invalid_argument);
    EXPECT_EQ(refused.error().place, "/params/start");
  }
  {
    World world;
    world.memories.fails = [](const std::string& call) -> std::optional<Error> {
      if (call != "check_room") return std::nullopt;
      return Error{Errc::no_space, "it needs 320 MiB, 100 MiB is free, and 1 GiB must stay free"};
    };
    const auto refused = create_live(world);
    EXPECT_FAILS(refused, Errc::no_space);
    EXPECT_TRUE(world.storage.volumes.size() == 1u);
    world.memories.fails = nullptr;
    world.expect_untouched();
  }
  {
    World world;
    world.toolstack.configs.at(world.pos1).disks.push_back(
        broker::VmDisk{.device = "xvdb", .volume = broker::Volume{broker::VolumeFormat::lvm_thin, "/dev/vg0/pos1-data"}});
    world.configuration.configs.at(world.pos1).disks = {"xvda"};
    const auto refused = create_live(world);
    EXPECT_FAILS(refused, Errc::configuration);
  }
}

TEST(LiveClone, APlanSaysThatItPauses) {
  World world;
  CloneCreate call{.name = clone_name("a"), .mode = CloneMode::live};
  const auto planned = decode_response<CloneCreate>(world.ask(world.admin(), call, {}, true));
  ASSERT_OK(planned);
  std::vector<std::string> lines;
  for (const auto& step : planned.value().plan->steps) lines.push_back(step.text);
  EXPECT_NE(std::find(lines.begin(), lines.end(), "copy the memory and 1 disk of pos1, which is paused for the last of it"), lines.end());
  EXPECT_TRUE(world.memories.kept.empty());
}

// ---- what goes wrong -------------------------------------------------------------------------------------------------

TEST(LiveClone, AnyFailureLetsTheOriginalGoAndLeavesNothing) {
  const std::vector<std::string> points = {"begin_save", "finish_save", "snapshot", "publish", "restore_paused", "unpause pos1.a"};
  for (const std::string& point : points) {
    SCOPED_TRACE(point);
    World world;
    const auto fails = [&](const std::string& call) -> std::optional<Error> {
      return call.starts_with(point) ? std::optional(Error{Errc::xen, "no"}) : std::nullopt;
    };
    world.memories.fails = fails;
    world.storage.fails = fails;
    world.toolstack.fails = fails;
    if (point == "publish") world.network.fails = Error{Errc::timed_out, "zhapcon did not acknowledge"};
    const auto operation = create_live(world);
    ASSERT_OK(operation);
    EXPECT_EQ(operation.value().state, OperationState::failed);
    EXPECT_EQ(world.toolstack.find("pos1.a"), nullptr);
    expect_lets_pos1_go(world);
    world.memories.fails = nullptr;
    world.storage.fails = nullptr;
    world.toolstack.fails = nullptr;
    world.network.fails.reset();
    world.expect_untouched();
  }
}

TEST(LiveClone, LockdownThatIsNotAcknowledgedDoesNotPauseTheOriginal) {
  World world;
  world.network.fails = Error{Errc::timed_out, "zhapcon did not acknowledge"};
  ASSERT_OK(create_live(world));
  EXPECT_EQ(std::count(world.memories.calls.begin(), world.memories.calls.end(), "begin_save"), 0);
}

TEST(LiveClone, AnOriginalThatDoesNotGoOnIsTriedAgain) {
  World world;
  unsigned tries = 0;
  bool failing = true;
  world.memories.fails = [&](const std::string& call) -> std::optional<Error> {
    if (call != "let_go" || !failing) return std::nullopt;
    failing = ++tries < 3;
    return Error{Errc::xen, "cannot unpause domain '1'"};
  };
  ASSERT_OK(world.call(world.guest(), create_a_live()));
  ASSERT_TRUE(run_until(*world.context, [&] { return is_final(world.journal.operations.back().state); }));
  EXPECT_EQ(world.journal.operations.back().state, OperationState::succeeded);
  EXPECT_EQ(tries, 3u);
  expect_lets_pos1_go(world);
}

TEST(LiveClone, ImagesThatNobodyOwnsAreRemoved) {
  World world;
  world.crash();
  world.memories.kept["01ARZ3NDEKTSV4RRFFQ69G5FAV"] = DomainId{9};
  world.start();
  EXPECT_TRUE(world.memories.kept.empty());
}

TEST(LiveClone, IsWholeAfterACrashAtAnyMoment) {
  int moments = 0;
  for (int nth = 1; nth < 100; ++nth) {
    SCOPED_TRACE("journal write " + std::to_string(nth));
    World world;
    if (!crashes_at(world, create_a_live(), nth)) break;
    ++moments;
    expect_lets_pos1_go(world);
    if (nth == 1) continue;
    ASSERT_EQ(world.journal.operations.back().state, OperationState::succeeded);
    ASSERT_NE(world.clone("a"), nullptr);
    EXPECT_EQ(world.clone("a")->consistency, Consistency::live);
    EXPECT_FALSE(world.clone("a")->awaits_identity);
    EXPECT_EQ(world.toolstack.find("pos1.a")->state, DomainState::running);
    EXPECT_EQ(world.storage.volumes.size(), 2u);
    EXPECT_EQ(world.toolstack.domains.size(), 2u);
  }
  EXPECT_GT(moments, 14);
}

// The real one's process lets go by itself when its broker dies; this is for the case that it was killed, too.
TEST(LiveClone, AfterACrashTheOriginalGoesOnFirstOfAll) {
  World world;
  world.memories.fails = [](const std::string& call) -> std::optional<Error> {
    if (call == "let_go") throw std::runtime_error("crash");
    return std::nullopt;
  };
  EXPECT_TRUE(ask_until_crash(world, create_a_live()));
  ASSERT_EQ(world.toolstack.find("pos1")->state, DomainState::paused);
  world.memories.fails = nullptr;
  world.memories.calls.clear();
  world.storage.calls.clear();
  // Even if nothing else can be done: the original's file has a mistake now.
  const auto configs = std::exchange(world.toolstack.configs, {});
  world.start();
  EXPECT_EQ(world.toolstack.find("pos1")->state, DomainState::running);
  EXPECT_TRUE(world.storage.calls.empty());
  ASSERT_FALSE(world.memories.calls.empty());
  EXPECT_EQ(world.memories.calls[0], "let_go");
  world.toolstack.configs = configs;
  ASSERT_TRUE(run_until(*world.context, [&] { return is_final(world.journal.operations.back().state); }));
  EXPECT_EQ(world.journal.operations.back().state, OperationState::succeeded);
  expect_lets_pos1_go(world);
  EXPECT_EQ(world.storage.volumes.size(), 2u);
}

// ---- identity --------------------------------------------------------------------------------------------------------

TEST(LiveClone, IsSilentUntilItsAgentHasTakenItsIdentity) {
  World world;
  speak(world);
  world.guests.fails = [](const std::string& call) -> std::optional<Error> {
    return call.starts_with("identity") ? std::optional(Error{Errc::internal, "hook 10-mac failed with status 1"}) : std::nullopt;
  };
  const auto operation = create_live(world);
  ASSERT_OK(operation);
  EXPECT_EQ(operation.value().state, OperationState::succeeded);
  EXPECT_EQ(operation.value().steps.back().text, "the agent of a has not taken its identity (hook 10-mac failed with status 1): it stays silent until it has");
  EXPECT_TRUE(operation.value().steps.back().warning);
  EXPECT_EQ(operation.value().summary, "clone a is running: silent until its agent has taken its identity, memory and disks as of one instant");
  EXPECT_TRUE(world.clone("a")->awaits_identity);
  EXPECT_EQ(mode_of(world, "a"), VifMode::disabled);

  const auto refused = world.perform(world.guest(), CutoverStart{.name = clone_name("a")});
  EXPECT_FAILS(refused, Errc::conflict);
  EXPECT_NE(refused.error().message.find("has not taken its identity yet"), std::string::npos);

  // It connects, and this time its hook succeeds.
  world.guests.fails = nullptr;
  const broker::Caller::Member member{.uuid = world.clone("a")->uuid, .family = world.pos1_uuid, .vm = world.pos1, .name = "a", .domain = DomainId{2}};
  world.broker->connected(member);
  world.settle();
  EXPECT_FALSE(world.clone("a")->awaits_identity);
  EXPECT_EQ(mode_of(world, "a"), VifMode::unlocked);
}

TEST(LiveClone, AnAgentThatRefusesIsAskedNowAndThen) {
  World world;
  world.guests.fails = [](const std::string& call) -> std::optional<Error> {
    return call.starts_with("identity") ? std::optional(Error{Errc::internal, "no"}) : std::nullopt;
  };
  ASSERT_OK(create_live(world));
  const auto asked = [&] {
    return std::count_if(world.guests.calls.begin(), world.guests.calls.end(), [](const std::string& call) { return call.starts_with("identity"); });
  };
  const auto before = asked();
  run_on(*world.context, [](broker::Broker& broker) -> asio::awaitable<int> {
    co_await broker.reconcile();
    co_await broker.reconcile();
    co_return 0;
  }(*world.broker));
  EXPECT_EQ(asked(), before + 1);
  world.clock.advance(61s);
  run_on(*world.context, [](broker::Broker& broker) -> asio::awaitable<int> {
    co_await broker.reconcile();
    co_return 0;
  }(*world.broker));
  EXPECT_EQ(asked(), before + 2);
}

// It is a guest that decides how long its agent takes: neither the host's other work nor another clone may wait for it.
TEST(LiveClone, AnAgentThatNeverEndsWithItsIdentityHoldsNobodyUp) {
  World world;
  speak(world);
  world.guests.fails = [](const std::string& call) -> std::optional<Error> {
    return call.starts_with("identity") ? std::optional(Error{Errc::internal, "no"}) : std::nullopt;
  };
  ASSERT_OK(create_live(world, "a"));
  ASSERT_OK(create_live(world, "b"));
  world.guests.fails = nullptr;
  const Uuid hostile = world.clone("a")->uuid;
  const auto held = std::make_shared<asio::steady_timer>(*world.context, asio::steady_timer::time_point::max());
  world.guests.hold_identity[hostile] = held;
  const auto asked = world.guests.identities.size();
  bool has_ended = false;
  asio::co_spawn(*world.context, [](broker::Broker& broker, bool& ended) -> asio::awaitable<void> {
    co_await broker.reconcile();
    ended = true;
  }(*world.broker, has_ended), asio::detached);
  world.settle();
  EXPECT_TRUE(has_ended);
  EXPECT_TRUE(world.clone("a")->awaits_identity);
  EXPECT_FALSE(world.clone("b")->awaits_identity);
  EXPECT_EQ(world.guests.identities.size(), asked + 2);

  // However often it connects anew, it is asked once at a time.
  world.clock.advance(61s);
  for (int times = 0; times < 5; ++times) world.broker->connected({.uuid = hostile, .family = world.pos1_uuid, .vm = world.pos1, .name = "a", .domain = DomainId{2}});
  world.settle();
  EXPECT_EQ(world.guests.identities.size(), asked + 2);
  world.guests.hold_identity.clear();
  held->cancel();
  world.settle();
  EXPECT_FALSE(world.clone("a")->awaits_identity);
}

TEST(LiveClone, AnAgentThatConnectsAnewWhileItIsAskedIsAskedAgain) {
  World world;
  world.guests.fails = [](const std::string& call) -> std::optional<Error> {
    return call.starts_with("identity") ? std::optional(Error{Errc::unavailable, "its agent is not connected"}) : std::nullopt;
  };
  ASSERT_OK(create_live(world));
  const Uuid clone = world.clone("a")->uuid;
  const broker::Caller::Member member{.uuid = clone, .family = world.pos1_uuid, .vm = world.pos1, .name = "a", .domain = DomainId{2}};
  const auto held = std::make_shared<asio::steady_timer>(*world.context, asio::steady_timer::time_point::max());
  world.guests.hold_identity[clone] = held;
  world.broker->connected(member);
  world.settle();
  world.broker->connected(member);
  world.settle();
  world.guests.hold_identity.clear();
  // The first channel's call fails, the second's does not.
  world.guests.fails = [&world](const std::string& call) -> std::optional<Error> {
    if (!call.starts_with("identity")) return std::nullopt;
    world.guests.fails = nullptr;
    return Error{Errc::unavailable, "its agent is not connected"};
  };
  held->cancel();
  world.settle();
  EXPECT_FALSE(world.clone("a")->awaits_identity);
}

TEST(LiveClone, ASilentAgentIsWaitedForAndThenLeftToItself) {
  World world;
  world.guests.fails = [](const std::string& call) -> std::optional<Error> {
    return call.starts_with("identity") ? std::optional(Error{Errc::unavailable, "its agent is not connected"}) : std::nullopt;
  };
  // Its UUID is known when its lockdown is waited for.
  world.network.hold = std::make_shared<asio::steady_timer>(*world.context, asio::steady_timer::time_point::max());
  ASSERT_OK(world.call(world.guest(), create_a_live()));
  world.settle();
  world.guests.disconnected.insert(world.clone("a")->uuid);
  world.network.hold->cancel();
  world.settle();
  EXPECT_FALSE(is_final(world.journal.operations.back().state));
  for (int seconds = 0; seconds < 61; ++seconds) {
    world.clock.advance(1s);
    world.settle();
  }
  EXPECT_EQ(world.journal.operations.back().state, OperationState::succeeded);
  EXPECT_TRUE(world.clone("a")->awaits_identity);
}

// Booted from its disks it is still its original by them, unless its agent had taken its identity.
TEST(LiveClone, StaysSilentWhenItIsStoppedAndStartedAgain) {
  World world;
  speak(world);
  world.guests.fails = [](const std::string& call) -> std::optional<Error> {
    return call.starts_with("identity") ? std::optional(Error{Errc::internal, "no"}) : std::nullopt;
  };
  ASSERT_OK(create_live(world));
  ASSERT_OK(world.perform(world.guest(), CloneStop{.name = clone_name("a")}));
  const auto started = world.perform(world.guest(), CloneStart{.name = clone_name("a")});
  ASSERT_OK(started);
  EXPECT_EQ(started.value().state, OperationState::succeeded);
  EXPECT_EQ(started.value().summary, "clone a is running: silent until its agent has taken its identity");
  EXPECT_TRUE(world.clone("a")->awaits_identity);
  EXPECT_EQ(mode_of(world, "a"), VifMode::disabled);
}

// ---- shared volumes --------------------------------------------------------------------------------------------------

struct Shop : World {
  Shop() {
    sales = broker::Volume{broker::VolumeFormat::lvm_thin, "/dev/vg0/pos1-sales"};
    configuration.configs.at(pos1).shared_volumes.push_back(
        broker::SharedVolume{.name = VolumeName::parse("sales").value(), .volume = sales, .device = "xvds", .filesystem = "ext4"});
    storage.volumes[sales.path] = 1ull << 30;
    devices.attached[sales.path] = {broker::Attachment{DomainId{1}, "xvds"}};
  }
  broker::Volume sales;
};

TEST(LiveClone, HasACopyOfASharedVolumeInItsPlace) {
  Shop shop;
  const auto operation = create_live(shop);
  ASSERT_OK(operation);
  ASSERT_EQ(operation.value().state, OperationState::succeeded) << (operation.value().error ? operation.value().error->message : "");
  ASSERT_EQ(shop.toolstack.started.size(), 1u);
  ASSERT_EQ(shop.toolstack.started[0].disks.size(), 2u);
  const broker::VmDisk& copy = shop.toolstack.started[0].disks[1];
  EXPECT_EQ(copy.device, "xvds");
  EXPECT_NE(copy.volume.path, shop.sales.path);
  EXPECT_TRUE(copy.volume.path.starts_with(shop.sales.path));
  EXPECT_TRUE(copy.writable);
  // The volume itself stays where it is.
  EXPECT_EQ(shop.devices.attached[shop.sales.path].size(), 1u);

  const auto refused = shop.perform(shop.guest(), CutoverStart{.name = clone_name("a")});
  EXPECT_FAILS(refused, Errc::conflict);
  EXPECT_NE(refused.error().message.find("a copy of volume 'sales' of its own at 'xvds'"), std::string::npos);
  EXPECT_NE(refused.error().message.find("--mode online"), std::string::npos);
  EXPECT_FAILS(shop.perform(shop.guest(), VolumeSwitch{.volume = VolumeName::parse("sales").value(), .to = clone_name("a")}), Errc::conflict);
}

TEST(LiveClone, NeedsNoCopyOfAVolumeThatTheOriginalDoesNotHave) {
  Shop shop;
  shop.devices.attached.clear();
  const auto operation = create_live(shop);
  ASSERT_OK(operation);
  ASSERT_EQ(shop.toolstack.started.size(), 1u);
  EXPECT_EQ(shop.toolstack.started[0].disks.size(), 1u);
}

}  // namespace
}  // namespace zynclone::tests
