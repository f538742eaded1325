#include "tests/host-broker/core/world.hpp"

namespace zynclone::tests {
namespace {

using namespace protocol;

struct Approvals : testing::Test {
  World world;

  void SetUp() override {
    world.policy.verdict.decision = broker::Decision::ask;
    world.policy.verdict.timeout = std::chrono::minutes(15);
  }
  OperationView asked() {
    const auto operation = world.create("a", false);
    EXPECT_OK(operation);
    return operation.value();
  }
  OperationState state(const OperationId& id) { return world.call(world.admin(), OperationShow{.id = id}).value().state; }
};

TEST_F(Approvals, NothingHappensBeforeAnAdministratorAllows) {
  const auto operation = asked();
  EXPECT_EQ(operation.state, OperationState::awaiting_approval);
  EXPECT_TRUE(world.storage.calls.size() <= 1);  // only whether there is room
  const auto pending = world.call(world.admin("vic", broker::AdminRole::viewer), ApprovalList{});
  ASSERT_OK(pending);
  ASSERT_EQ(pending.value().approvals.size(), 1u);
  EXPECT_EQ(pending.value().approvals[0].operation.id, operation.id);

  ASSERT_OK(world.call(world.admin("abe", broker::AdminRole::approver), ApprovalAllow{.id = operation.id, .reason = "as agreed"}));
  world.settle();
  EXPECT_EQ(state(operation.id), OperationState::succeeded);
  EXPECT_NE(world.clone("a"), nullptr);
}

// What an approver has looked at is what is done.
TEST_F(Approvals, ANameThatHasBecomeAnothersIsNotAllowed) {
  for (const bool renamed : {false, true}) {
    World shop;
    ASSERT_OK(shop.create("a", false));
    ASSERT_OK(shop.create("b", false));
    shop.policy.verdict.decision = broker::Decision::ask;
    const auto accepted = shop.call(shop.guest(), CloneStart{.name = clone_name("a")});
    ASSERT_OK(accepted);
    const OperationId id = accepted.value().operation->id;
    shop.policy.verdict.decision = broker::Decision::allow;
    ASSERT_OK(shop.perform(shop.guest(), CloneRemove{.name = clone_name("a")}));
    if (renamed) ASSERT_OK(shop.perform(shop.guest(), CloneRename{.name = clone_name("b"), .new_name = clone_name("a")}));
    else ASSERT_OK(shop.create("a", false));
    const auto allowed = shop.call(shop.admin("abe", broker::AdminRole::approver), ApprovalAllow{.id = id});
    EXPECT_FAILS(allowed, Errc::conflict);
    EXPECT_NE(allowed.error().message.find("clone 'a' is not the one that had this name"), std::string::npos) << allowed.error().message;
    shop.settle();
    EXPECT_EQ(shop.call(shop.admin(), OperationShow{.id = id}).value().state, OperationState::awaiting_approval);
    ASSERT_OK(shop.call(shop.admin(), ApprovalDeny{.id = id}));
  }
}

TEST_F(Approvals, DeniedWithAReason) {
  const auto operation = asked();
  ASSERT_OK(world.call(world.admin(), ApprovalDeny{.id = operation.id, .reason = "not during lunch"}));
  const auto shown = world.call(world.guest(), OperationShow{.id = operation.id});
  ASSERT_OK(shown);
  EXPECT_EQ(shown.value().state, OperationState::denied);
  EXPECT_EQ(shown.value().error->message, "denied by an administrator: not during lunch");
  EXPECT_FAILS(world.call(world.admin(), ApprovalAllow{.id = operation.id}), Errc::not_found);
  world.policy.verdict.decision = broker::Decision::allow;
  world.expect_untouched();
}

TEST_F(Approvals, NoAnswerInTimeExpires) {
  const auto operation = asked();
  world.clock.advance(std::chrono::minutes(15) - std::chrono::milliseconds(1));
  world.settle();
  EXPECT_EQ(state(operation.id), OperationState::awaiting_approval);
  world.clock.advance(std::chrono::milliseconds(1));
  world.settle();
  EXPECT_EQ(state(operation.id), OperationState::expired);
}

// Its time is over at the moment at which a word is being written that cannot be.
TEST_F(Approvals, AWordThatCannotBeWrittenKeepsNothingFromExpiring) {
  const auto operation = asked();
  const std::string update = "update " + operation.id.text();
  bool is_full = true;
  world.journal.slow = true;
  world.journal.fails = [&](const std::string& call) -> std::optional<Error> {
    if (!is_full || call != update) return std::nullopt;
    is_full = false;
    world.clock.advance(std::chrono::minutes(15));
    return Error{Errc::system, "the disk is full"};
  };
  EXPECT_FAILS(world.call(world.admin(), ApprovalAllow{.id = operation.id}), Errc::system);
  EXPECT_FALSE(is_full);
  const auto has_expired = [&] { return state(operation.id) == OperationState::expired; };
  EXPECT_TRUE(run_until(*world.context, has_expired));
}

TEST_F(Approvals, WaitOverARestart) {
  const auto operation = asked();
  world.crash();
  world.start();
  EXPECT_EQ(state(operation.id), OperationState::awaiting_approval);
  world.clock.advance(std::chrono::minutes(16));
  world.settle();
  EXPECT_EQ(state(operation.id), OperationState::expired);
}

TEST_F(Approvals, TwoMeansTwoPeople) {
  world.policy.verdict.approvers = 2;
  const auto operation = asked();
  ASSERT_OK(world.call(world.admin("ada"), ApprovalAllow{.id = operation.id}));
  EXPECT_FAILS(world.call(world.admin("ada"), ApprovalAllow{.id = operation.id}), Errc::conflict);
  EXPECT_EQ(state(operation.id), OperationState::awaiting_approval);
  world.crash();
  world.start();
  ASSERT_OK(world.call(world.admin("bob"), ApprovalAllow{.id = operation.id}));
  world.settle();
  EXPECT_EQ(state(operation.id), OperationState::succeeded);
}

TEST_F(Approvals, WhoMustAllowAndWhoDidIsForAdministrators) {
  world.policy.verdict.approvers = 2;
  const auto operation = asked();
  ASSERT_OK(world.call(world.admin("ada"), ApprovalAllow{.id = operation.id}));
  const auto decision = [&](broker::Caller caller) { return world.call(std::move(caller), OperationShow{.id = operation.id}).value().steps.at(0).text; };
  EXPECT_EQ(decision(world.admin()), "waits for an administrator (1 of 2)");
  EXPECT_EQ(decision(world.guest()), "waits for an administrator to allow it");
  ASSERT_OK(world.call(world.admin("bob"), ApprovalAllow{.id = operation.id}));
  world.settle();
  EXPECT_EQ(decision(world.admin()), "allowed by ada, bob");
  EXPECT_EQ(decision(world.guest()), "allowed by an administrator");
}

TEST_F(Approvals, AnApproverSeesWhatWasAsked) {
  const auto create = world.call(world.guest(), CloneCreate{.name = clone_name("a"), .start = false, .note = "before\x1b 7.2"});
  ASSERT_OK(create);
  const std::string asked = "mode online, not started, note: before\\x1b 7.2";
  EXPECT_EQ(create.value().operation->detail, asked);
  EXPECT_EQ(world.call(world.admin(), ApprovalList{}).value().approvals.at(0).operation.detail, asked);
  EXPECT_EQ(world.call(world.admin(), OperationList{}).value().operations.at(0).detail, asked);
  EXPECT_EQ(world.journal.audit.back().detail, "clone.create pos1 a: ask by 10-test.policy:1; " + asked);
  ASSERT_OK(world.call(world.admin(), ApprovalAllow{.id = create.value().operation->id}));
  world.settle();
  const auto rename = world.call(world.guest(), CloneRename{.name = clone_name("a"), .new_name = clone_name("again")});
  ASSERT_OK(rename);
  EXPECT_EQ(rename.value().operation->detail, "to again");
}

TEST_F(Approvals, OnlyApproversMay) {
  const auto operation = asked();
  EXPECT_FAILS(world.call(world.admin("vic", broker::AdminRole::viewer), ApprovalAllow{.id = operation.id}), Errc::refused);
  EXPECT_EQ(state(operation.id), OperationState::awaiting_approval);
}

TEST_F(Approvals, TheirNumberIsLimited) {
  for (int i = 0; i < 8; ++i) ASSERT_OK(world.create("c" + std::to_string(i), false));
  EXPECT_FAILS(world.create("one-more", false), Errc::limit_exceeded);
}

TEST_F(Approvals, TheOneWhoAskedMayCancel) {
  const auto operation = asked();
  const auto cancelled = world.call(world.guest(), OperationCancel{.id = operation.id});
  ASSERT_OK(cancelled);
  EXPECT_EQ(cancelled.value().state, OperationState::cancelled);
}

TEST_F(Approvals, EverythingIsAudited) {
  const auto operation = asked();
  ASSERT_OK(world.call(world.admin("abe", broker::AdminRole::approver), ApprovalAllow{.id = operation.id, .reason = "fine"}));
  world.settle();
  std::vector<std::string> events;
  for (const auto& entry : world.journal.audit) events.push_back(entry.actor + ' ' + entry.event);
  EXPECT_EQ(events, (std::vector<std::string>{"pos1/pos1 requested", "admin:abe allowed", "broker succeeded"}));
}

}  // namespace
}  // namespace zynclone::tests
