#include "tests/host-broker/core/world.hpp"

namespace zynclone::tests {
namespace {

using namespace protocol;

CloneCreate create_call(const std::string& name) {
  CloneCreate call;
  call.name = clone_name(name);
  call.start = false;
  return call;
}

Result<Accepted> with_id(World& world, broker::Caller caller, CloneCreate call, const std::string& id) {
  return decode_response<CloneCreate>(world.ask(std::move(caller), std::move(call), RequestId::parse(id).value()));
}

TEST(Accept, TheSameRequestIdIsTheSameOperation) {
  World world;
  const auto first = with_id(world, world.guest(), create_call("a"), "r1");
  world.settle();
  const auto second = with_id(world, world.guest(), create_call("a"), "r1");
  ASSERT_OK(first);
  ASSERT_OK(second);
  EXPECT_EQ(first.value().operation->id, second.value().operation->id);
  EXPECT_EQ(second.value().operation->state, OperationState::succeeded);
  EXPECT_EQ(world.journal.operations.size(), 1u);
  EXPECT_EQ(world.family().clones.size(), 1u);
}

TEST(Accept, TheSameRequestIdAfterARestartToo) {
  World world;
  const auto first = with_id(world, world.guest(), create_call("a"), "r1");
  world.settle();
  world.crash();
  world.start();
  const auto second = with_id(world, world.guest(), create_call("a"), "r1");
  ASSERT_OK(second);
  EXPECT_EQ(first.value().operation->id, second.value().operation->id);
}

TEST(Accept, ARequestIdForSomethingElseIsAConflict) {
  World world;
  ASSERT_OK(with_id(world, world.guest(), create_call("a"), "r1"));
  const auto other = with_id(world, world.guest(), create_call("b"), "r1");
  ASSERT_FAILS(other, Errc::conflict);
  EXPECT_EQ(other.error().place, "/params/request_id");
}

TEST(Accept, ARequestIdBelongsToTheMemberThatMadeIt) {
  World world;
  ASSERT_OK(world.create("c"));
  ASSERT_OK(with_id(world, world.guest("pos1"), create_call("a"), "r1"));
  world.settle();
  // The clone woke up with the original's memory and asks again: it is another member, so this is another request.
  const auto again = with_id(world, world.guest("c"), create_call("a"), "r1");
  EXPECT_FAILS(again, Errc::already_exists);
}

TEST(Accept, DeniedAndUnknownLookTheSameToAGuest) {
  World world;
  world.policy.verdict.decision = broker::Decision::deny;
  const std::string there = world.ask(world.guest(), create_call("a"));
  const std::string nowhere = world.ask(world.guest(), CloneRemove{.name = clone_name("nothing")});
  EXPECT_EQ(there, nowhere);
  const std::string unknown = world.ask(world.guest(), OperationShow{.id = OperationId::parse("01J9ZQ4C8Y5T3M2K1H0G9F8E7D").value()});
  EXPECT_EQ(there, unknown);
  EXPECT_EQ(there.find("policy"), std::string::npos);
}

TEST(Accept, AnotherFamilysOperationIsRefused) {
  World world;
  const auto mine = world.create("a");
  ASSERT_OK(mine);
  broker::Caller::Member stranger{.uuid = Uuid::random(), .family = Uuid::random(), .vm = VmName::parse("pos2").value(), .name = "pos2", .domain = DomainId{9}};
  const broker::Caller caller{stranger, nullptr};
  EXPECT_FAILS(world.call(caller, OperationShow{.id = mine.value().id}), Errc::refused);
  EXPECT_FAILS(world.call(caller, OperationCancel{.id = mine.value().id}), Errc::refused);
  EXPECT_FAILS(world.call(caller, OperationWatch{.id = mine.value().id}), Errc::refused);
  EXPECT_FAILS(world.call(caller, CloneList{}), Errc::refused);
}

TEST(Accept, PolicyIsAskedForGuestsOnly) {
  World world;
  world.policy.verdict.decision = broker::Decision::deny;
  EXPECT_FAILS(world.call(world.guest(), create_call("a")), Errc::refused);
  EXPECT_EQ(world.policy.asked, std::vector<std::string>{"clone.create pos1"});
  EXPECT_EQ(world.journal.audit.back().event, "refused");
  EXPECT_OK(world.call(world.admin(), create_call("a")));
  EXPECT_EQ(world.policy.asked.size(), 1u);
}

TEST(Accept, AdministratorsNeedTheirGroup) {
  World world;
  EXPECT_FAILS(world.call(world.admin("vic", broker::AdminRole::viewer), create_call("a")), Errc::refused);
  EXPECT_FAILS(world.call(world.admin("abe", broker::AdminRole::approver), create_call("a")), Errc::refused);
  EXPECT_OK(world.call(world.admin("vic", broker::AdminRole::viewer), CloneList{}));
}

TEST(Accept, AnAdministratorSeesWhatDecided) {
  World world;
  const auto made = world.create("a");
  ASSERT_OK(made);
  EXPECT_FALSE(made.value().decision);
  const auto shown = world.call(world.admin(), OperationShow{.id = made.value().id});
  ASSERT_OK(shown);
  ASSERT_TRUE(shown.value().decision);
  EXPECT_EQ(shown.value().decision->place, "10-test.policy:1");
}

TEST(Accept, ClonesAreLimitedByPolicy) {
  World world;
  world.policy.verdict.clones = 1;
  ASSERT_OK(world.create("a", false));
  EXPECT_FAILS(world.create("b", false), Errc::limit_exceeded);
}

TEST(Accept, RatesHoldOverARestart) {
  World world;
  world.policy.verdict.rate = broker::Rate{.count = 2, .window = std::chrono::hours(1)};
  ASSERT_OK(world.create("a", false));
  ASSERT_OK(world.create("b", false));
  EXPECT_FAILS(world.create("c", false), Errc::rate_limited);
  world.crash();
  world.start();
  EXPECT_FAILS(world.create("c", false), Errc::rate_limited);
  world.clock.advance(std::chrono::hours(1));
  EXPECT_OK(world.create("c", false));
}

TEST(Accept, AFloodOfRefusedRequestsEndsBeforeTheAuditLog) {
  World world;
  world.policy.verdict.decision = broker::Decision::deny;
  for (int i = 0; i < 200; ++i) world.ask(world.guest(), create_call("a"));
  EXPECT_LE(world.journal.audit.size(), 60u);
  EXPECT_FAILS(world.call(world.guest(), create_call("a")), Errc::rate_limited);
  world.clock.advance(std::chrono::minutes(2));
  EXPECT_FAILS(world.call(world.guest(), create_call("a")), Errc::refused);
}

TEST(Accept, RefusalsOfAGuestGrowTheAuditLogByABoundedNumberAnHour) {
  World world;
  world.policy.verdict.decision = broker::Decision::deny;
  constexpr int k_hours = 5;
  for (int minute = 0; minute < k_hours * 60; ++minute) {
    for (int i = 0; i < 10; ++i) world.ask(world.guest(), create_call("a"));
    world.clock.advance(std::chrono::minutes(1));
    world.settle();
  }
  EXPECT_LE(world.journal.audit.size(), 11u * k_hours);
  // None is lost: what is not told one by one is counted.
  std::uint64_t told = 0;
  for (const auto& entry : world.journal.audit) {
    EXPECT_EQ(entry.event, "refused");
    const bool is_sum = entry.detail.find(" more requests since ") != std::string::npos;
    told += is_sum ? std::stoull(entry.detail) : 1;
    EXPECT_NE(entry.detail.find("clone.create pos1 a"), std::string::npos) << entry.detail;
  }
  EXPECT_EQ(told, 10u * k_hours * 60);
}

TEST(Accept, TheSumOfRefusalsIsWrittenWhenTheGuestHasStopped) {
  World world;
  world.policy.verdict.decision = broker::Decision::deny;
  for (int i = 0; i < 30; ++i) world.ask(world.guest(), create_call("a"));
  EXPECT_EQ(world.journal.audit.size(), 10u);
  world.clock.advance(std::chrono::hours(1));
  world.settle();
  ASSERT_EQ(world.journal.audit.size(), 11u);
  EXPECT_EQ(world.journal.audit.back().detail.find("20 more requests since "), 0u) << world.journal.audit.back().detail;
}

TEST(Accept, AClockSetBackLocksNobodyOut) {
  World world;
  world.policy.verdict.rate = broker::Rate{.count = 2, .window = std::chrono::hours(1)};
  world.configuration.configs.at(world.pos1).most_clones = 100;
  ASSERT_OK(world.create("a", false));
  ASSERT_OK(world.create("b", false));
  EXPECT_FAILS(world.create("c", false), Errc::rate_limited);
  world.clock.set(world.clock.now() - std::chrono::hours(24 * 30));
  EXPECT_OK(world.create("c", false));
  EXPECT_OK(world.create("d", false));
  EXPECT_FAILS(world.create("e", false), Errc::rate_limited);

  World flooded;
  flooded.policy.verdict.decision = broker::Decision::deny;
  for (int i = 0; i < 60; ++i) flooded.ask(flooded.guest(), create_call("a"));
  flooded.clock.set(flooded.clock.now() - std::chrono::hours(24 * 30));
  EXPECT_FAILS(flooded.call(flooded.guest(), create_call("a")), Errc::rate_limited);
  flooded.clock.advance(std::chrono::minutes(1));
  EXPECT_FAILS(flooded.call(flooded.guest(), create_call("a")), Errc::refused);
}

TEST(Accept, WhoIsLimitedIsToldWhenTheNextIsAllowed) {
  World world;
  world.policy.verdict.rate = broker::Rate{.count = 2, .window = std::chrono::hours(1)};
  const Timestamp first = world.clock.now();
  ASSERT_OK(world.create("a", false));
  world.clock.advance(std::chrono::minutes(10));
  ASSERT_OK(world.create("b", false));
  world.clock.advance(std::chrono::minutes(10));
  const auto limited = world.create("c", false);
  ASSERT_FAILS(limited, Errc::rate_limited);
  EXPECT_NE(limited.error().message.find("at most 2 in 60 minutes are allowed; the next one at " + to_rfc3339(first + std::chrono::hours(1))), std::string::npos)
      << limited.error().message;
  world.clock.set(first + std::chrono::hours(1));
  EXPECT_OK(world.create("c", false));

  World flooded;
  flooded.policy.verdict.decision = broker::Decision::deny;
  const Timestamp began = flooded.clock.now();
  for (int i = 0; i < 60; ++i) flooded.ask(flooded.guest(), create_call("a"));
  const auto refused = flooded.call(flooded.guest(), create_call("a"));
  ASSERT_FAILS(refused, Errc::rate_limited);
  EXPECT_NE(refused.error().message.find("the next one at " + to_rfc3339(began + std::chrono::minutes(1))), std::string::npos) << refused.error().message;
}

// As many requests as there are connections, all at the same moment: each waits where the others do.
std::size_t accepted_at_once(World& world, int count) {
  std::vector<std::optional<Result<Accepted>>> answers(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    Request request{.id = 1, .method = create_call("c" + std::to_string(i))};
    asio::co_spawn(*world.context, world.broker->handle(world.guest(), request),
                   [&answers, i](std::exception_ptr, std::string text) { answers[static_cast<std::size_t>(i)] = decode_response<CloneCreate>(text); });
  }
  world.settle();
  std::size_t accepted = 0;
  for (const auto& answer : answers) {
    EXPECT_TRUE(answer.has_value());
    if (answer && *answer) ++accepted;
  }
  return accepted;
}

TEST(Accept, RequestsAtTheSameMomentPassARateOneByOne) {
  World world;
  world.journal.slow = true;
  world.policy.verdict.rate = broker::Rate{.count = 2, .window = std::chrono::hours(1)};
  EXPECT_EQ(accepted_at_once(world, 10), 2u);
}

TEST(Accept, RequestsAtTheSameMomentPassTheOtherLimitsOneByOne) {
  World world;
  world.journal.slow = true;
  world.policy.verdict.clones = 3;
  EXPECT_EQ(accepted_at_once(world, 10), 3u);

  World asked;
  asked.journal.slow = true;
  asked.configuration.configs.at(asked.pos1).most_clones = 100;
  asked.policy.verdict.decision = broker::Decision::ask;
  EXPECT_EQ(accepted_at_once(asked, 20), 8u);
}

std::size_t answered_of(World& world, broker::Caller caller, const Method& method, int count) {
  std::size_t answered = 0;
  for (int i = 0; i < count; ++i) {
    if (world.ask(caller, method).find("rate-limited") == std::string::npos) ++answered;
  }
  return answered;
}

TEST(Accept, QuestionsOfAGuestAreLimitedAndItIsToldWhenTheNextIsAllowed) {
  World world;
  EXPECT_EQ(answered_of(world, world.guest(), FamilyShow{}, 300), 100u);
  const auto limited = world.call(world.guest(), OperationList{});
  ASSERT_FAILS(limited, Errc::rate_limited);
  EXPECT_EQ(limited.error().message, "cannot answer more requests: at most 20 a second are allowed, 100 at once; the next one at " +
                                         to_rfc3339(world.clock.now() + std::chrono::milliseconds(50)));
  world.clock.advance(std::chrono::milliseconds(49));
  EXPECT_FAILS(world.call(world.guest(), FamilyShow{}), Errc::rate_limited);
  world.clock.advance(std::chrono::milliseconds(1));
  EXPECT_OK(world.call(world.guest(), FamilyShow{}));
  world.clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(answered_of(world, world.guest(), CloneList{}, 300), 20u);
  world.clock.advance(std::chrono::hours(1));
  EXPECT_EQ(answered_of(world, world.guest(), CloneList{}, 300), 100u);
}

TEST(Accept, AMembersQuestionsCostNobodyElseTheirs) {
  World world;
  ASSERT_OK(world.create("c"));
  world.clock.advance(std::chrono::minutes(1));
  EXPECT_EQ(answered_of(world, world.guest(), FamilyShow{}, 150), 100u);
  EXPECT_OK(world.call(world.guest("c"), FamilyShow{}));
  EXPECT_EQ(answered_of(world, world.admin(), FamilyShow{}, 500), 500u);
}

// The same request id again and again is a read of the journal each time, which no limit of new requests counts.
TEST(Accept, RepeatedRequestsAreLimitedToo) {
  World world;
  int answered = 0;
  for (int i = 0; i < 300; ++i) answered += with_id(world, world.guest(), create_call("a"), "r1").has_value() ? 1 : 0;
  EXPECT_EQ(answered, 100);
}

TEST(Accept, MembersThatOweNothingAreForgotten) {
  broker::MessageLimit limit(20);
  broker::SteadyTime now{std::chrono::hours(1)};
  for (int i = 0; i < 1000; ++i) {
    EXPECT_FALSE(limit.take(Uuid::random(), now));
    now += std::chrono::milliseconds(60);
  }
  EXPECT_EQ(limit.remembered(), 1u);
}

std::vector<std::string> clones_as_made(World& world) {
  std::vector<std::string> order;
  for (const broker::Clone& clone : world.family().clones) order.push_back(clone.name.text());
  return order;
}

TEST(Accept, WhatGuestsHaveWaitingKeepsNoAdministratorOut) {
  World world;
  world.configuration.configs.at(world.pos1).most_clones = 100;
  world.network.hold = std::make_shared<asio::steady_timer>(*world.context, asio::steady_timer::time_point::max());
  CloneCreate first = create_call("g0");
  first.start = true;  // waits for its lockdown
  ASSERT_OK(world.call(world.guest(), first));
  world.settle();
  for (int i = 1; i < 16; ++i) ASSERT_OK(world.call(world.guest(), create_call("g" + std::to_string(i))));
  EXPECT_FAILS(world.call(world.guest(), create_call("g16")), Errc::limit_exceeded);
  for (int i = 0; i < 80; ++i) ASSERT_OK(world.call(world.admin(), create_call("a" + std::to_string(i)))) << i;

  world.network.hold->cancel();
  world.network.hold.reset();
  world.settle();
  const std::vector<std::string> order = clones_as_made(world);
  ASSERT_EQ(order.size(), 96u);
  EXPECT_EQ(order[0], "g0") << "what has begun goes on";
  EXPECT_EQ(order[1], "a0");
  EXPECT_EQ(order[80], "a79");
  EXPECT_EQ(order[81], "g1");
  EXPECT_EQ(order[95], "g15");
}

// g0 of a guest runs, g1 and g2 wait, and so does the administrator's a when the broker ends.
void end_while_all_wait(World& world) {
  world.network.hold = std::make_shared<asio::steady_timer>(*world.context, asio::steady_timer::time_point::max());
  CloneCreate first = create_call("g0");
  first.start = true;
  ASSERT_OK(world.call(world.guest(), first));
  world.settle();
  for (const char* name : {"g1", "g2"}) {
    world.clock.advance(std::chrono::seconds(1));
    ASSERT_OK(world.call(world.guest(), create_call(name)));
  }
  world.clock.advance(std::chrono::seconds(1));
  ASSERT_OK(world.call(world.admin(), create_call("a")));
  world.network.hold.reset();
  world.crash();
}

TEST(Accept, AnAdministratorsOperationGoesFirstAfterARestartToo) {
  World world;
  end_while_all_wait(world);
  world.start();
  EXPECT_EQ(clones_as_made(world), (std::vector<std::string>{"g0", "a", "g1", "g2"}));

  World none_had_begun;
  end_while_all_wait(none_had_begun);
  none_had_begun.journal.operations.erase(none_had_begun.journal.operations.begin());
  none_had_begun.families.kept.at(none_had_begun.pos1).clones.clear();
  none_had_begun.start();
  EXPECT_EQ(clones_as_made(none_had_begun), (std::vector<std::string>{"a", "g1", "g2"}));
}

TEST(Accept, WhatIsNotJournalledIsNotDone) {
  World world;
  world.journal.fails = [](const std::string& call) -> std::optional<Error> {
    if (call.starts_with("insert")) return Error{Errc::storage, "disk full"};
    return std::nullopt;
  };
  EXPECT_FAILS(world.create("a"), Errc::storage);
  world.journal.fails = nullptr;
  world.expect_untouched();
}

TEST(Accept, AnUnconfiguredVmIsUnknown) {
  World world;
  protocol::Request request{.id = 1, .method = CloneList{}, .vm = VmName::parse("nosuch").value()};
  const auto listed = decode_response<CloneList>(run_on(*world.context, world.broker->handle(world.admin(), request)));
  ASSERT_FAILS(listed, Errc::not_found);
  EXPECT_EQ(listed.error().place, "/params/vm");
}

TEST(Accept, ChangesAreNotifiedToWhoAsked) {
  World world;
  const auto made = world.create("a");
  ASSERT_OK(made);
  ASSERT_FALSE(world.notified.empty());
  EXPECT_EQ(world.notified.back().state, OperationState::succeeded);
  for (const auto& view : world.notified) EXPECT_FALSE(view.decision);
}

TEST(Accept, ListsFitAMessage) {
  World world;
  world.configuration.configs.at(world.pos1).most_clones = 1000;
  for (int i = 0; i < 120; ++i) {
    world.clock.advance(std::chrono::seconds(2));
    CloneCreate call = create_call("clone-" + std::to_string(i));
    call.note = std::string(900, 'n');
    ASSERT_OK(world.perform(world.guest(), call));
  }
  const std::string text = world.ask(world.guest(), OperationList{.limit = 1000});
  EXPECT_LE(text.size(), k_longest_message);
  EXPECT_GT(decode_response<OperationList>(text).value().operations.size(), 20u);
}

}  // namespace
}  // namespace zynclone::tests
