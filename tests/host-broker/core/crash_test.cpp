// A crash at every moment that the journal knows: the broker ends there, is started again, and either the operation is whole or nothing of it
// is left. The moment is a write to the journal that fails: at that point nothing later has happened.
#include "tests/host-broker/core/crashing.hpp"
#include "tests/support/run.hpp"

namespace zynclone::tests {
namespace {

using namespace protocol;

// Crashes when the step at `position` is written first: its intent.
void die_at_intent(World& world, unsigned position) {
  const std::string step = ' ' + std::to_string(position) + ' ';
  world.journal.fails = [step](const std::string& call) -> std::optional<Error> {
    if (call.starts_with("update_step") && call.find(step) != std::string::npos) throw std::runtime_error("crash");
    return std::nullopt;
  };
}

CloneCreate create_a() { return CloneCreate{.name = clone_name("a")}; }

void expect_consistent(World& world) {
  std::size_t domains = 1, volumes = 1;
  if (world.families.kept.contains(world.pos1)) {
    for (const broker::Clone& clone : world.family().clones) {
      EXPECT_NE(clone.state, CloneState::creating);
      EXPECT_NE(clone.state, CloneState::removing);
      EXPECT_TRUE(world.storage.volumes.contains(clone.disks.at(0).volume.path));
      ++volumes;
      if (clone.state == CloneState::running) {
        ++domains;
        const broker::Domain* domain = world.toolstack.find("pos1." + clone.name.text());
        ASSERT_NE(domain, nullptr);
        EXPECT_EQ(domain->state, broker::DomainState::running);
      }
    }
  }
  EXPECT_EQ(world.toolstack.domains.size(), domains);
  EXPECT_EQ(world.storage.volumes.size(), volumes);
  EXPECT_TRUE(world.guests.quiesced.empty());
  for (const auto& operation : world.journal.operations) EXPECT_TRUE(is_final(operation.state)) << operation.kind << " " << to_string(operation.state);
}

TEST(Crash, CreateIsWholeOrNotAtAll) {
  int moments = 0;
  for (int nth = 1; nth < 100; ++nth) {
    SCOPED_TRACE("journal write " + std::to_string(nth));
    World world;
    if (!crashes_at(world, create_a(), nth)) break;
    ++moments;
    expect_consistent(world);
    if (nth > 1) {
      ASSERT_EQ(world.journal.operations.size(), 1u);
      EXPECT_EQ(world.journal.operations[0].state, OperationState::succeeded);
      ASSERT_NE(world.clone("a"), nullptr);
    }
  }
  EXPECT_GT(moments, 14) << "seven steps, each with intent and result";
}

TEST(Crash, RemoveIsWhole) {
  int moments = 0;
  for (int nth = 1; nth < 100; ++nth) {
    SCOPED_TRACE("journal write " + std::to_string(nth));
    World world;
    ASSERT_OK(world.create("a", false));
    if (!crashes_at(world, CloneRemove{.name = clone_name("a")}, nth)) break;
    ++moments;
    expect_consistent(world);
    EXPECT_EQ(world.clone("a") == nullptr, nth > 1);
  }
  EXPECT_GT(moments, 6);
}

TEST(Crash, AFailureInterruptedInItsUndoIsUndone) {
  for (int nth = 1; nth < 100; ++nth) {
    SCOPED_TRACE("journal write " + std::to_string(nth));
    World world;
    world.toolstack.fails = [](const std::string& call) -> std::optional<Error> {
      if (call.starts_with("unpause")) return Error{Errc::xen, "no"};
      return std::nullopt;
    };
    const bool crashed = crashes_at(world, create_a(), nth);
    expect_consistent(world);
    if (nth > 1) {
      EXPECT_EQ(world.clone("a"), nullptr);
    }
    if (!crashed) break;
  }
}

// The journal's disk is full from its nth write on; `more` writes fail before the broker is killed, or before there is room again.
enum class Then { killed, room };
void fill_disk_at(World& world, int nth, int more, Then then) {
  auto count = std::make_shared<int>(0);
  world.journal.fails = [=](const std::string&) -> std::optional<Error> {
    ++*count;
    if (*count < nth) return std::nullopt;
    if (*count < nth + more) return Error{Errc::no_space, "cannot write to the journal: database or disk is full"};
    if (then == Then::killed) throw std::runtime_error("crash");
    return std::nullopt;
  };
}

TEST(FullDisk, AnOperationThatFailedSoStaysFailed) {
  for (const Then then : {Then::room, Then::killed}) {
    for (int nth = 2; nth < 24; ++nth) {
      SCOPED_TRACE("journal write " + std::to_string(nth) + (then == Then::room ? ", then room" : ", then killed"));
      World world;
      fill_disk_at(world, nth, 4, then);
      try {
        world.ask(world.guest(), create_a());
        const auto ended = [&] { return is_final(world.journal.operations.back().state); };
        const bool has_ended = run_until(*world.context, ended);
        ASSERT_TRUE(has_ended || then == Then::killed);
      } catch (const std::runtime_error&) {
      }
      // What was told to those who watch is what the journal has, now and after a restart.
      const bool told_end = !world.notified.empty() && is_final(world.notified.back().state);
      const OperationState told = world.notified.empty() ? OperationState::queued : world.notified.back().state;
      world.crash();
      world.journal.fails = nullptr;
      world.start();
      expect_consistent(world);
      if (told_end) {
        EXPECT_EQ(to_string(world.journal.operations.back().state), to_string(told));
      }
      EXPECT_EQ(world.clone("a") != nullptr, world.journal.operations.back().state == OperationState::succeeded);
    }
  }
}

TEST(FullDisk, NothingIsCancelledThatIsAboutToEnd) {
  World world;
  int updates = 0;
  world.journal.fails = [&](const std::string& call) -> std::optional<Error> {
    if (!call.starts_with("update ") || ++updates != 2) return std::nullopt;  // the first says that it runs, the second that it has ended
    return Error{Errc::no_space, "cannot write to the journal: database or disk is full"};
  };
  world.ask(world.guest(), create_a());
  ASSERT_TRUE(run_until(*world.context, [&] { return updates == 2; }));
  const auto id = world.journal.operations.back().id;
  EXPECT_FAILS(world.call(world.guest(), protocol::OperationCancel{.id = id}), Errc::conflict);
  ASSERT_TRUE(run_until(*world.context, [&] { return is_final(world.journal.operations.back().state); }));
  EXPECT_EQ(world.journal.operations.back().state, OperationState::succeeded);
  EXPECT_FALSE(world.journal.operations.back().cancel_requested);
}

// A crash in the middle, and a mistake in a file when the broker is back: the operation waits, and the original does not stand still.
TEST(Crash, WhatCannotBeTakenUpYetWaits) {
  for (int nth = 2; nth < 20; ++nth) {
    SCOPED_TRACE("journal write " + std::to_string(nth));
    World world;
    world.toolstack.configs.at(world.pos1).disks.push_back(
        broker::VmDisk{.device = "xvdb", .volume = broker::Volume{broker::VolumeFormat::lvm_thin, "/dev/vg0/pos1-data"}});
    world.storage.volumes["/dev/vg0/pos1-data"] = 1;
    world.guests.quiesce_fails = Error{Errc::timed_out, "no answer"};  // so that it is paused
    die_at(world, nth);
    ask_until_crash(world, create_a());
    if (is_final(world.journal.operations.back().state)) break;
    const auto configs = std::exchange(world.toolstack.configs, {});
    world.start();
    EXPECT_EQ(world.toolstack.find("pos1")->state, broker::DomainState::running);
    const bool had_begun = world.journal.operations.back().state == OperationState::running;
    if (had_begun) {
      const auto shown = world.call(world.admin(), OperationShow{.id = world.journal.operations.back().id});
      ASSERT_OK(shown);
      EXPECT_EQ(shown.value().summary, "cannot be taken up after a restart yet: cannot read '/etc/xen/pos1.cfg': no such file");
    }
    world.toolstack.configs = configs;
    run(*world.context, world.broker->reconcile());  // as it is now and then
    ASSERT_TRUE(run_until(*world.context, [&] { return is_final(world.journal.operations.back().state); }));
    EXPECT_EQ(world.journal.operations.back().state, had_begun ? OperationState::succeeded : OperationState::failed);
    EXPECT_EQ(world.storage.volumes.size(), had_begun ? 4u : 2u);
  }
}

TEST(Crash, StepsOfAnotherVersionAreUndone) {
  World world;
  die_at(world, 8);
  ask_until_crash(world, create_a());
  world.journal.operations.back().steps.at(1).name = "rest";
  world.start();
  const auto& record = world.journal.operations.back();
  EXPECT_EQ(record.state, OperationState::failed);
  EXPECT_EQ(record.error->message, "it was begun by another version of this program; what was done could not all be undone: cannot undo step 'rest': "
                                   "this version of the program does not know it");
  EXPECT_EQ(world.clone("a"), nullptr);
  EXPECT_EQ(world.storage.volumes.size(), 1u);
}

TEST(Crash, CopiesOfTwoInstantsAreNotMixed) {
  World world;
  world.toolstack.configs.at(world.pos1).disks.push_back(
      broker::VmDisk{.device = "xvdb", .volume = broker::Volume{broker::VolumeFormat::lvm_thin, "/dev/vg0/pos1-data"}});
  world.storage.volumes["/dev/vg0/pos1-data"] = 1;
  die_at_intent(world, 3);  // of the second copy
  ask_until_crash(world, create_a());
  world.storage.calls.clear();
  world.start();
  ASSERT_EQ(world.journal.operations.back().state, OperationState::succeeded);
  // The first disk's copy is of before the crash: it goes, and both are made under one quiesce.
  EXPECT_EQ(std::count(world.storage.calls.begin(), world.storage.calls.end(), "snapshot /dev/vg0/pos1-root"), 1);
  EXPECT_EQ(std::count(world.storage.calls.begin(), world.storage.calls.end(), "snapshot /dev/vg0/pos1-data"), 1);
  EXPECT_EQ(world.clone("a")->consistency, Consistency::filesystem);
}

// Crashes between quiesce and the first copy; back again, the guest's agent is not connected for `times` calls (0: ever again).
void be_back_without_channel(World& world, unsigned times) {
  die_at_intent(world, 2);  // of the copy
  ask_until_crash(world, create_a());
  world.guests.calls.clear();
  world.guests.quiesced.clear();  // its agent thaws when its channel ends
  world.guests.disconnected.insert(world.pos1_uuid);
  world.guests.connects_after = times;
  world.start();
}

long quiesce_calls(const World& world) {
  return std::count(world.guests.calls.begin(), world.guests.calls.end(), "quiesce " + world.pos1_uuid.text());
}

bool ends(World& world) {
  return run_until(*world.context, [&] { return is_final(world.journal.operations.back().state); });
}

TEST(Crash, TheAgentIsGivenTimeToConnectAgain) {
  World world;
  be_back_without_channel(world, 2);
  ASSERT_TRUE(ends(world));
  EXPECT_EQ(world.journal.operations.back().state, OperationState::succeeded);
  EXPECT_EQ(quiesce_calls(world), 3);
  EXPECT_EQ(world.clone("a")->consistency, Consistency::filesystem);
}

TEST(Crash, AnAgentThatStaysAwayIsNotWaitedForLongerThanItsTimeout) {
  World world;
  world.configuration.configs[world.pos1].quiesce_timeout = std::chrono::milliseconds(250);
  be_back_without_channel(world, 0);
  ASSERT_TRUE(ends(world));
  EXPECT_EQ(world.journal.operations.back().state, OperationState::succeeded);
  EXPECT_GE(quiesce_calls(world), 1);
  EXPECT_LE(quiesce_calls(world), 3);
  EXPECT_EQ(world.clone("a")->consistency, Consistency::crash);
}

TEST(Crash, AGuestWithoutAChannelIsNotWaitedFor) {
  World world;
  world.configuration.configs[world.pos1].channel = "none";
  be_back_without_channel(world, 2);
  ASSERT_TRUE(ends(world));
  EXPECT_EQ(quiesce_calls(world), 1);
  EXPECT_EQ(world.clone("a")->consistency, Consistency::crash);
}

}  // namespace
}  // namespace zynclone::tests
