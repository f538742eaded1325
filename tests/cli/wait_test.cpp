#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include "cli/service.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/service/fake_service.hpp"
#include "tests/support/service/messages.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::cli {
namespace {

using namespace std::chrono_literals;
using protocol::OperationView;
using tests::Conversation;
using tests::FakeService;
using tests::TemporaryFolder;

class Wait : public ::testing::Test {
 protected:
  Wait() {
    options.on_change = [this](const OperationView& operation) {
      seen.push_back(operation.percent);
      return true;
    };
    options.on_trouble = [this](const Error& error) { troubles.push_back(error); };
  }
  TimePoint soon() const { return std::chrono::steady_clock::now() + 10s; }
  Result<Waited> wait() { return service.wait(tests::sample_operation_id(), soon(), options); }

  TemporaryFolder folder;
  FakeService fake{folder / "agent.sock"};
  Service service{{"the agent", fake.path()}};
  WaitOptions options;
  std::vector<unsigned> seen;
  std::vector<Error> troubles;
};

TEST_F(Wait, AnOperationThatHasEndedIsTheAnswer) {
  fake.add([](Conversation& c) {
    const auto request = c.read_request();
    EXPECT_EQ(protocol::method_name(request.method), "operation.watch");
    c.answer(request, tests::finished_operation());
  });
  const auto waited = wait();
  ASSERT_OK(waited);
  EXPECT_EQ(waited.value().end, Waited::End::finished);
  EXPECT_EQ(waited.value().operation->summary, tests::finished_operation().summary);
}

TEST_F(Wait, FollowsNotifications) {
  fake.add([](Conversation& c) {
    c.answer(c.read_request(), tests::sample_operation(1));
    auto other = tests::finished_operation();
    other.id = OperationId::parse("01JD0000000000000000000009").value();
    c.notify(other);
    c.notify(tests::sample_operation(2));
    c.notify(tests::sample_operation(3));
    c.notify(tests::finished_operation());
    c.wait_closed();
  });
  const auto waited = wait();
  ASSERT_OK(waited);
  EXPECT_EQ(waited.value().end, Waited::End::finished);
  EXPECT_EQ(seen, (std::vector<unsigned>{25, 50, 75, 100}));
}

TEST_F(Wait, GoesOnAfterTheServiceWasRestarted) {
  fake.add([this](Conversation& c) {
    c.answer(c.read_request(), tests::sample_operation(1));
    c.notify(tests::sample_operation(2));
    fake.go_away();
  });
  options.on_trouble = [this](const Error& error) {
    troubles.push_back(error);
    if (troubles.size() != 3) return;  // down for a while
    fake.add([](Conversation& c) {
      c.answer(c.read_request(), tests::sample_operation(3));
      c.notify(tests::finished_operation());
      c.wait_closed();
    });
    fake.come_back();
  };
  const auto waited = wait();
  ASSERT_OK(waited);
  EXPECT_EQ(waited.value().end, Waited::End::finished);
  EXPECT_EQ(seen, (std::vector<unsigned>{25, 50, 75, 100}));
  EXPECT_EQ(troubles.size(), 3u);
  EXPECT_FALSE(waited.value().trouble);
}

TEST_F(Wait, GoesOnWhileTheBrokerBehindTheAgentIsAway) {
  fake.add([](Conversation& c) {
    c.answer(c.read_request(), tests::sample_operation(1));
  });
  fake.add([](Conversation& c) {
    c.fail(c.read_request(), Error{Errc::unavailable, "cannot reach the broker"});
    c.fail(c.read_request(), Error{Errc::timed_out, "the broker did not answer"});
    c.answer(c.read_request(), tests::finished_operation());
  });
  const auto waited = wait();
  ASSERT_OK(waited);
  EXPECT_EQ(waited.value().end, Waited::End::finished);
  ASSERT_EQ(troubles.size(), 3u);
  EXPECT_EQ(troubles[1].message, "cannot reach the broker");
}

TEST_F(Wait, AsksAgainWhenNothingIsHeard) {
  options.ask_again = 20ms;
  fake.add([](Conversation& c) {
    c.answer(c.read_request(), tests::sample_operation(1));
    c.answer(c.read_request(), tests::sample_operation(2));
    c.answer(c.read_request(), tests::finished_operation());
  });
  const auto waited = wait();
  ASSERT_OK(waited);
  EXPECT_EQ(seen, (std::vector<unsigned>{25, 50, 100}));
  EXPECT_EQ(fake.connections(), 1u);
}

TEST_F(Wait, EndsAtTheTimeLimitWithWhatWasSeen) {
  fake.add([](Conversation& c) {
    c.answer(c.read_request(), tests::sample_operation(1));
    c.wait_closed();
  });
  const auto waited = service.wait(tests::sample_operation_id(), std::chrono::steady_clock::now() + 100ms, options);
  ASSERT_OK(waited);
  EXPECT_EQ(waited.value().end, Waited::End::time_limit);
  EXPECT_EQ(waited.value().operation->percent, 25u);
  EXPECT_FALSE(waited.value().trouble);
}

TEST_F(Wait, AServiceThatNeverAnswersEndsAtTheTimeLimit) {
  fake.add([](Conversation& c) { c.wait_closed(); });
  const auto waited = service.wait(tests::sample_operation_id(), std::chrono::steady_clock::now() + 100ms, options);
  ASSERT_OK(waited);
  EXPECT_EQ(waited.value().end, Waited::End::time_limit);
  EXPECT_FALSE(waited.value().operation);
  ASSERT_TRUE(waited.value().trouble);
  EXPECT_EQ(waited.value().trouble->code, Errc::timed_out);
}

TEST_F(Wait, AServiceThatStaysAwayEndsAtTheTimeLimit) {
  fake.add([this](Conversation& c) {
    c.answer(c.read_request(), tests::sample_operation(1));
    fake.go_away();
  });
  const auto waited = service.wait(tests::sample_operation_id(), std::chrono::steady_clock::now() + 500ms, options);
  ASSERT_OK(waited);
  EXPECT_EQ(waited.value().end, Waited::End::time_limit);
  ASSERT_TRUE(waited.value().trouble);
  EXPECT_EQ(waited.value().trouble->code, Errc::unavailable);
}

TEST_F(Wait, AServiceThatWasNeverThereIsAnError) {
  fake.go_away();
  EXPECT_FAILS(wait(), Errc::unavailable);
  EXPECT_TRUE(troubles.empty());
}

TEST_F(Wait, TheCallbackEndsIt) {
  fake.add([](Conversation& c) {
    c.answer(c.read_request(), tests::sample_operation(1));
    c.notify(tests::sample_operation(2));
    c.wait_closed();
  });
  options.on_change = [](const OperationView& operation) { return operation.percent < 50; };
  const auto waited = wait();
  ASSERT_OK(waited);
  EXPECT_EQ(waited.value().end, Waited::End::stopped);
  EXPECT_EQ(waited.value().operation->percent, 50u);
}

TEST_F(Wait, WakingUpEndsIt) {
  const Descriptor wake(::eventfd(0, EFD_CLOEXEC));
  Service interrupted({"the agent", fake.path()}, wake.get());
  fake.add([&](Conversation& c) {
    c.answer(c.read_request(), tests::sample_operation(1));
    ::eventfd_write(wake.get(), 1);
    c.wait_closed();
  });
  const auto waited = interrupted.wait(tests::sample_operation_id(), soon(), options);
  ASSERT_OK(waited);
  EXPECT_EQ(waited.value().end, Waited::End::stopped);
}

TEST_F(Wait, WakingUpEndsItAlsoWhileTheServiceIsAway) {
  const Descriptor wake(::eventfd(0, EFD_CLOEXEC));
  Service interrupted({"the agent", fake.path()}, wake.get());
  fake.add([&](Conversation& c) {
    c.answer(c.read_request(), tests::sample_operation(1));
    fake.go_away();
  });
  options.on_trouble = [&](const Error&) { ::eventfd_write(wake.get(), 1); };
  const auto waited = interrupted.wait(tests::sample_operation_id(), soon(), options);
  ASSERT_OK(waited);
  EXPECT_EQ(waited.value().end, Waited::End::stopped);
}

TEST_F(Wait, WhatTheServiceSaysOfTheOperationEndsIt) {
  for (Errc code : {Errc::moved, Errc::refused, Errc::not_found}) {
    fake.add([code](Conversation& c) {
      c.answer(c.read_request(), tests::sample_operation(1));
    });
    fake.add([code](Conversation& c) {
      c.fail(c.read_request(), Error{code, "cannot follow the operation"});
      c.wait_closed();
    });
    Service fresh({"the agent", fake.path()});
    EXPECT_FAILS(fresh.wait(tests::sample_operation_id(), soon(), options), code);
  }
}

TEST_F(Wait, GarbageEndsIt) {
  fake.add([](Conversation& c) {
    c.answer(c.read_request(), tests::sample_operation(1));
    c.send_line("]]]]");
    c.wait_closed();
  });
  EXPECT_FAILS(wait(), Errc::malformed);
}

}  // namespace
}  // namespace zynclone::cli
