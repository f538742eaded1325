// The broker dies at each write to its journal; after the restart the cutover goes on or is undone, and one member has production.
#include "tests/host-broker/core/crashing.hpp"
#include "tests/host-broker/core/till.hpp"

namespace zynclone::tests {
namespace {

using namespace protocol;

TEST(CutoverCrash, AtEachWriteOneMemberHasProduction) {
  for (int nth = 1; nth < 60; ++nth) {
    SCOPED_TRACE("journal write " + std::to_string(nth));
    Till till;
    const bool crashed = crashes_at(till, till.to("standby"), nth);
    const std::string producer = till.producer();
    const bool asked = till.journal.operations.back().kind == "cutover.start";
    if (asked) {
      const OperationState state = till.journal.operations.back().state;
      ASSERT_TRUE(is_final(state));
      EXPECT_EQ(producer, state == OperationState::succeeded ? "standby" : "pos1") << till.journal.operations.back().summary;
      EXPECT_EQ(till.family().probation.has_value(), state == OperationState::succeeded);
    }
    EXPECT_EQ(till.devices.most_at_once, 1u);
    if (!crashed) {
      EXPECT_GT(nth, 18);
      return;
    }
  }
  FAIL() << "it never came to its end";
}

TEST(CutoverCrash, AtEachWriteOfAnUndo) {
  for (int nth = 1; nth < 60; ++nth) {
    SCOPED_TRACE("journal write " + std::to_string(nth));
    Till till;
    ASSERT_OK(till.perform(till.guest(), till.to("standby")));
    const bool crashed = crashes_at(till, CutoverUndo{}, nth);
    const std::string producer = till.producer();
    if (till.journal.operations.back().kind == "cutover.undo") {
      ASSERT_EQ(till.journal.operations.back().state, OperationState::succeeded);
      EXPECT_EQ(producer, "pos1");
      EXPECT_FALSE(till.family().probation);
    }
    EXPECT_EQ(till.devices.most_at_once, 1u);
    if (!crashed) {
      EXPECT_GT(nth, 5);
      return;
    }
  }
  FAIL() << "it never came to its end";
}

TEST(CutoverCrash, AFailedOneIsUndoneWhereverTheBrokerDies) {
  for (int nth = 1; nth < 60; ++nth) {
    SCOPED_TRACE("journal write " + std::to_string(nth));
    Till till;
    till.guests.fails = [](const std::string& call) -> std::optional<Error> {
      return call.starts_with("acquire sales") ? std::optional(Error{Errc::internal, "cannot mount it"}) : std::nullopt;
    };
    const bool crashed = crashes_at(till, till.to("standby"), nth);
    EXPECT_EQ(till.producer(), "pos1");
    EXPECT_EQ(till.devices.most_at_once, 1u);
    if (!crashed) {
      EXPECT_GT(nth, 5);
      return;
    }
  }
  FAIL() << "it never came to its end";
}

// A broker that is back has no channels yet: nobody is held still because of that, and no volume is taken by force.
TEST(CutoverCrash, ChannelsThatAreNotThereYetAreWaitedFor) {
  for (int nth = 3; nth < 30; ++nth) {
    SCOPED_TRACE("journal write " + std::to_string(nth));
    Till till;
    die_at(till, nth);
    if (!ask_until_crash(till, till.to("standby"))) {
      EXPECT_GT(nth, 10);
      return;
    }
    const Uuid standby = till.clone("standby")->uuid;
    const Uuid original = till.pos1_uuid;
    till.guests.disconnected = {original, standby};
    till.guests.fails = [&till](const std::string& call) -> std::optional<Error> {
      for (const Uuid& member : till.guests.disconnected) {
        if (call.find(member.text()) != std::string::npos) return Error{Errc::unavailable, "its agent is not connected"};
      }
      return std::nullopt;
    };
    till.start();
    till.clock.advance(std::chrono::seconds(2));
    till.settle();
    till.guests.disconnected.clear();
    for (int second = 0; second < 5; ++second) {
      till.clock.advance(std::chrono::seconds(1));
      till.settle();
    }
    EXPECT_EQ(till.producer(), "standby");
    EXPECT_EQ(std::count(till.toolstack.calls.begin(), till.toolstack.calls.end(), "pause pos1"), 0);
    EXPECT_EQ(std::count(till.devices.calls.begin(), till.devices.calls.end(), "detach 1 xvds force"), 0);
  }
  FAIL() << "it never came to its end";
}

TEST(CutoverCrash, AVolumeSwitchToo) {
  for (int nth = 1; nth < 30; ++nth) {
    SCOPED_TRACE("journal write " + std::to_string(nth));
    Till till;
    const bool crashed = crashes_at(till, VolumeSwitch{.volume = VolumeName::parse("sales").value(), .to = clone_name("standby")}, nth);
    EXPECT_EQ(till.domains_with_volume().size(), 1u);
    EXPECT_EQ(till.devices.most_at_once, 1u);
    if (!crashed) {
      EXPECT_GT(nth, 5);
      return;
    }
  }
  FAIL() << "it never came to its end";
}

// Production is nobody's, and standby was on probation: it is given to standby for good.
TEST(CutoverCrash, AtEachWriteOfARepair) {
  for (int nth = 1; nth < 60; ++nth) {
    SCOPED_TRACE("journal write " + std::to_string(nth));
    Till till;
    ASSERT_OK(till.perform(till.guest(), till.to("standby")));
    till.lose_production();
    const bool crashed = crashes_at(till, VmRepair{.to = clone_name("standby")}, nth, till.admin());
    if (till.journal.operations.back().kind == "vm.repair") {
      ASSERT_EQ(till.journal.operations.back().state, OperationState::succeeded);
      EXPECT_EQ(till.producer(), "standby");
      EXPECT_FALSE(till.family().probation);
    }
    if (!crashed) {
      EXPECT_GT(nth, 5);
      return;
    }
  }
  FAIL() << "it never came to its end";
}

// It was held still as its agent was silent; its volume and the lease are gone, and the broker dies before it lets it go on.
TEST(CutoverCrash, WhoWasHeldStillForAVolumeGoesOn) {
  Till till;
  till.guests.fails = [&till](const std::string& call) -> std::optional<Error> {
    if (call.starts_with("release sales " + till.pos1_uuid.text())) return Error{Errc::unavailable, "its agent gave no answer within 25s"};
    return std::nullopt;
  };
  till.toolstack.fails = [](const std::string& call) -> std::optional<Error> {
    if (call == "unpause pos1") throw std::runtime_error("crash");
    return std::nullopt;
  };
  ASSERT_TRUE(ask_until_crash(till, VolumeSwitch{.volume = VolumeName::parse("sales").value(), .to = clone_name("standby")}));
  EXPECT_EQ(till.domain("pos1").state, broker::DomainState::paused);
  till.toolstack.fails = nullptr;
  till.start();
  till.settle();
  EXPECT_EQ(till.journal.operations.back().state, OperationState::succeeded);
  EXPECT_EQ(till.domains_with_volume(), std::vector<std::string>{"pos1.standby"});
  EXPECT_EQ(till.domain("pos1").state, broker::DomainState::running);
}

}  // namespace
}  // namespace zynclone::tests
