#include "tests/host-broker/core/till.hpp"

namespace zynclone::tests {
namespace {

using namespace protocol;
using namespace std::chrono_literals;

struct Granted : testing::Test {
  Till till;
  void SetUp() override { till.policy.verdict.decision = broker::Decision::ask; }

  GrantAdd grant(std::uint64_t times = 1, const std::string& operations = "cutover.*") {
    return GrantAdd{.operations = operations, .until = till.clock.now() + 1h, .times = times};
  }
  OperationState start() {
    const auto operation = till.perform(till.guest(), till.to("standby"));
    EXPECT_OK(operation);
    return operation ? operation.value().state : OperationState::failed;
  }
};

TEST_F(Granted, AllowsWhatPolicyWouldAskAboutSoManyTimes) {
  ASSERT_OK(till.call(till.admin("ada"), grant()));
  EXPECT_EQ(start(), OperationState::succeeded);
  EXPECT_EQ(till.journal.operations.back().allowed_by, std::vector<std::string>{"ada"});
  const auto again = till.perform(till.guest(), CutoverUndo{});
  ASSERT_OK(again);
  EXPECT_EQ(again.value().state, OperationState::awaiting_approval);
  const auto used = std::find_if(till.journal.audit.begin(), till.journal.audit.end(), [](const auto& entry) { return entry.event == "grant used"; });
  ASSERT_NE(used, till.journal.audit.end());
  EXPECT_EQ(used->actor, "admin:ada");
}

TEST_F(Granted, OfTwoPeopleWhereTwoAreWanted) {
  till.policy.verdict.approvers = 2;
  ASSERT_OK(till.call(till.admin("ada"), grant(2)));
  ASSERT_OK(till.call(till.admin("ada"), grant(2)));
  EXPECT_EQ(start(), OperationState::awaiting_approval);
  EXPECT_EQ(till.journal.operations.back().allowed_by, std::vector<std::string>{"ada"});
  ASSERT_OK(till.call(till.admin("bob", broker::AdminRole::approver), ApprovalAllow{.id = till.journal.operations.back().id}));
  till.settle();
  EXPECT_EQ(till.journal.operations.back().state, OperationState::succeeded);
}

TEST_F(Granted, IsNoWordAnyMoreForWhatStillWaitsWhenItIsRevoked) {
  till.policy.verdict.approvers = 2;
  const auto granted = till.call(till.admin("ada"), grant(2));
  ASSERT_OK(granted);
  EXPECT_EQ(start(), OperationState::awaiting_approval);
  const OperationId id = till.journal.operations.back().id;
  ASSERT_OK(till.call(till.admin("eve"), GrantRevoke{.id = granted.value().id}));
  till.crash();
  till.start();
  ASSERT_OK(till.call(till.admin("bob", broker::AdminRole::approver), ApprovalAllow{.id = id}));
  till.settle();
  EXPECT_EQ(till.journal.operations.back().state, OperationState::awaiting_approval);
  EXPECT_EQ(till.journal.operations.back().allowed_by, std::vector<std::string>{"bob"});
  ASSERT_OK(till.call(till.admin("ada"), ApprovalAllow{.id = id}));
  till.settle();
  EXPECT_EQ(till.journal.operations.back().state, OperationState::succeeded);
}

TEST_F(Granted, NeitherAfterItsTimeNorForAnythingElseNorOnceRevoked) {
  ASSERT_OK(till.call(till.admin(), grant(1, "volume.switch")));
  EXPECT_EQ(start(), OperationState::awaiting_approval);
  const auto revoked = till.call(till.admin(), grant());
  ASSERT_OK(revoked);
  ASSERT_OK(till.call(till.admin(), GrantRevoke{.id = revoked.value().id}));
  EXPECT_EQ(start(), OperationState::awaiting_approval);
  ASSERT_OK(till.call(till.admin(), grant()));
  till.clock.advance(2h);
  EXPECT_EQ(start(), OperationState::awaiting_approval);
}

TEST_F(Granted, DoesNotAllowWhatPolicyDenies) {
  ASSERT_OK(till.call(till.admin(), grant()));
  till.policy.verdict.decision = broker::Decision::deny;
  EXPECT_FAILS(till.call(till.guest(), till.to("standby")), Errc::refused);
}

TEST_F(Granted, BadOnesAreRefusedWithTheirPlace) {
  const auto place = [&](GrantAdd call) {
    const auto refused = till.call(till.admin(), std::move(call));
    return refused ? std::string("allowed") : refused.error().place;
  };
  EXPECT_EQ(place(grant(1, "cutover.*; x")), "/params/operations");
  EXPECT_EQ(place(grant(0)), "/params/times");
  GrantAdd past = grant();
  past.until = till.clock.now();
  EXPECT_EQ(place(past), "/params/until");
  EXPECT_FAILS(till.call(till.admin("eve", broker::AdminRole::viewer), grant()), Errc::refused);
  EXPECT_FAILS(till.call(till.admin(), GrantRevoke{.id = make_operation_id(till.clock.now())}), Errc::not_found);
}

}  // namespace
}  // namespace zynclone::tests
