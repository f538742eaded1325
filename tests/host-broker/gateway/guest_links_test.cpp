#include "tests/host-broker/gateway/guest_links_fixture.hpp"

namespace zynclone::broker::gateway {
namespace {

using tests::run;
using tests::settle;

constexpr std::chrono::seconds k_limit{10};

TEST_F(GuestLinksTest, GuestThatAdvertisesIsConnectedAndIdentified) {
  PretendedAgent& agent = add_guest(5, "clone-1");
  auto family = ask(agent, protocol::FamilyShow{});
  ASSERT_TRUE(family) << family.error().message;
  EXPECT_EQ(family.value().self, "clone-1");
  EXPECT_EQ(family.value().vm.text(), "pos1");
  EXPECT_EQ(handler_.asked, std::vector<std::string>{"clone-1 family.show"});

  const auto now = status(5);
  ASSERT_TRUE(now);
  EXPECT_TRUE(now->is_open);
  EXPECT_TRUE(now->since);
  EXPECT_EQ(now->links, 1u);
  EXPECT_EQ(now->received, 2u) << "hello and one request";
  EXPECT_EQ(now->software, "pretended\\x1b[31m agent") << "what a guest says of itself is made printable";
}

TEST_F(GuestLinksTest, BrokerCallsTheAgentByItsVm) {
  PretendedAgent& agent = add_guest(5);
  auto report = run(context_, links_->health(Uuid::derived("vm5"), k_limit));
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE(report.value().healthy);
  EXPECT_EQ(agent.asked, (std::vector<std::string>{"hello", "guest.health"}));
}

TEST_F(GuestLinksTest, CallToAVmWithoutAChannelIsUnavailable) {
  start();
  auto report = run(context_, links_->health(Uuid::derived("nobody"), k_limit));
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Errc::unavailable);
}

TEST_F(GuestLinksTest, NothingIsStartedUntilTheGuestAdvertises) {
  add_domain(5);
  start();
  expect([&] { return status(5).has_value() && world_->looks > 0; }, "the guest is known");
  settle(context_);
  EXPECT_EQ(status(5)->links, 0u);
  PretendedAgent& agent = add_agent(5);
  agent.converse();
  expect([&] { return is_open(5); }, "open");
}

TEST_F(GuestLinksTest, DomainThatComesLaterIsFound) {
  start();
  settle(context_);
  add_guest(9);
}

TEST_F(GuestLinksTest, DomainOfNoFamilyAndGuestWithChannelNoneAreLeftAlone) {
  world_->introduce(DomainId{3}, Uuid::derived("stranger"));
  const Uuid silent = add_domain(4, "silent");
  handler_.channels[silent] = "none";
  add_guest(5);
  EXPECT_EQ(links_->status().size(), 1u);
  EXPECT_EQ(world_->watches.size(), 1u);
}

TEST_F(GuestLinksTest, NotificationsReachTheGuestWhileItIsConnected) {
  PretendedAgent& agent = add_guest(5);
  ASSERT_TRUE(ask(agent, protocol::FamilyShow{}));
  protocol::OperationView view{.kind = "clone.create", .vm = VmName::parse("pos1").value()};
  view.id = make_operation_id(std::chrono::system_clock::now());
  const auto notify = handler_.notify.at("vm");
  (*notify)(view);
  expect([&] { return agent.notified.size() == 1; }, "notified");
  EXPECT_EQ(agent.notified[0].id, view.id);

  agent.stop();
  expect([&] { return !is_open(5); }, "closed");
  (*notify)(view);  // to nobody, and harmless
}

TEST_F(GuestLinksTest, LinkThatIsKilledIsStartedAgain) {
  PretendedAgent& agent = add_guest(5);
  const pid_t first = *status(5)->process;
  std::optional<Errc> pending;
  handler_.held.insert("vm");
  tests::start(context_, agent.peer().call(protocol::CloneList{}, k_limit), [&](auto result) { pending = result.error().code; });
  expect([&] { return handler_.running["vm"] == 1; }, "the request is handled");
  ASSERT_EQ(::kill(first, SIGKILL), 0);
  expect([&] { return pending.has_value(); }, "the agent sees the end");
  EXPECT_EQ(pending, Errc::unavailable);
  handler_.held.clear();
  handler_.released.wake();

  agent.converse();
  expect([&] { return is_open(5); }, "open again");
  EXPECT_NE(*status(5)->process, first);
  EXPECT_NE(last_end(5).find("SIGKILL"), std::string::npos) << last_end(5);
  EXPECT_TRUE(ask(agent, protocol::FamilyShow{}));
}

TEST_F(GuestLinksTest, BrokersCallsEndWithTheLink) {
  add_guest(5);
  const pid_t process = *status(5)->process;
  ::kill(process, SIGSTOP);  // a link that hangs
  std::optional<Errc> code;
  tests::start(context_, links_->health(Uuid::derived("vm5"), k_limit), [&](auto result) { code = result.error().code; });
  settle(context_);
  ::kill(process, SIGKILL);
  expect([&] { return code.has_value(); }, "the call ended");
  EXPECT_EQ(code, Errc::unavailable);
}

TEST_F(GuestLinksTest, AgentThatRestartsIsConnectedAgain) {
  PretendedAgent& agent = add_guest(5);
  agent.stop();
  expect([&] { return !is_open(5); }, "closed");
  EXPECT_TRUE(agent.ended);
  world_->advertise(DomainId{5}, "2");
  agent.converse();
  expect([&] { return is_open(5); }, "open again");
}

TEST_F(GuestLinksTest, NewAdvertisementReplacesTheConnection) {
  PretendedAgent& agent = add_guest(5);
  const pid_t first = *status(5)->process;
  world_->advertise(DomainId{5}, "2");
  expect([&] { return agent.ended.has_value(); }, "the old one ended");
  agent.converse();
  expect([&] { return is_open(5); }, "open again");
  EXPECT_FALSE(is_alive(first));
  EXPECT_EQ(last_end(5), "the guest advertises a new one");
}

TEST_F(GuestLinksTest, SpuriousEventChangesNothing) {
  add_guest(5);
  const pid_t first = *status(5)->process;
  const unsigned looks = world_->looks;
  world_->advertise(DomainId{5}, "1");
  expect([&] { return world_->looks > looks; }, "it was looked at");
  settle(context_);
  EXPECT_EQ(*status(5)->process, first);
  EXPECT_TRUE(is_open(5));
}

TEST_F(GuestLinksTest, DomainThatGoesTakesItsLinkWithIt) {
  add_guest(5);
  const pid_t process = *status(5)->process;
  world_->release(DomainId{5});
  expect([&] { return links_->status().empty() && world_->watches.empty(); }, "forgotten");
  EXPECT_FALSE(is_alive(process));
}

TEST_F(GuestLinksTest, DomainIdUsedAgainIsAnotherGuest) {
  PretendedAgent& agent = add_guest(5, "old");
  world_->release(DomainId{5});
  const Uuid other = Uuid::derived("new5");
  handler_.members[other] = {.uuid = other, .family = Uuid::derived("other family"), .vm = VmName::parse("pos2").value(), .name = "new"};
  world_->introduce(DomainId{5}, other, "new");
  world_->advertise(DomainId{5}, "1");
  expect([&] { return agent.ended.has_value(); }, "the old channel ended");
  settle(context_);
  world_->advertise(DomainId{5}, "2");
  agent.converse();
  expect([&] { return is_open(5); }, "open");
  auto family = ask(agent, protocol::FamilyShow{});
  ASSERT_TRUE(family);
  EXPECT_EQ(family.value().vm.text(), "pos2");
  EXPECT_FALSE(run(context_, links_->health(Uuid::derived("old5"), k_limit))) << "the old VM has no channel";
}

TEST_F(GuestLinksTest, DomainThatIsAnotherVmByThenGetsNoLink) {
  add_domain(5);
  world_->identities[5] = Uuid::derived("another");  // what XenStore says when the link is to start
  start();
  add_agent(5);
  expect([&] { return world_->looks > 2; }, "it was tried");
  EXPECT_EQ(status(5)->links, 0u);
}

TEST_F(GuestLinksTest, DomainThatBecomesAnotherVmBeforeHelloIsServedNothing) {
  add_domain(5);
  start();
  PretendedAgent& agent = add_agent(5);
  channel::Peer& peer = agent.converse(/*says_hello=*/false);
  world_->identities[5] = Uuid::derived("another");
  ASSERT_TRUE(peer.post(PretendedAgent::hello()));
  std::optional<bool> answered;
  tests::start(context_, peer.call(protocol::FamilyShow{}, k_limit), [&](auto result) { answered = result.has_value(); });
  expect([&] { return answered.has_value(); }, "ended");
  EXPECT_EQ(answered, false);
  EXPECT_TRUE(handler_.asked.empty());
}

TEST_F(GuestLinksTest, MemberThatIsRenamedIsServedUnderItsNewName) {
  PretendedAgent& agent = add_guest(5, "before");
  handler_.members.begin()->second.name = "after";
  links_->refresh();
  expect([&] { return agent.ended.has_value(); }, "ended");
  agent.converse();
  expect([&] { return is_open(5); }, "open");
  EXPECT_EQ(ask(agent, protocol::FamilyShow{}).value().self, "after");
}

TEST_F(GuestLinksTest, CloseKillsAllLinks) {
  add_guest(5, "one");
  add_guest(6, "two");
  const pid_t processes[] = {*status(5)->process, *status(6)->process};
  links_->close();
  expect([&] { return !is_alive(processes[0]) && !is_alive(processes[1]); }, "dead");
  EXPECT_TRUE(links_->status().empty());
}

TEST_F(GuestLinksTest, BrokerThatDiesTakesItsLinksWithIt) {
  PretendedAgent& agent = add_guest(5);
  const pid_t process = *status(5)->process;
  ASSERT_TRUE(is_alive(process));
  links_.reset();
  expect([&] { return agent.ended.has_value(); }, "the agent sees the end");
}

TEST_F(GuestLinksTest, ProgramThatIsNotThereIsReportedAndTriedAgain) {
  settings_.program = "/nonexistent/zynclone-link";
  add_domain(5);
  start();
  add_agent(5);
  expect([&] { return last_end(5).find("/nonexistent/zynclone-link") != std::string::npos; }, "reported");
  EXPECT_TRUE(status(5).has_value());
}

TEST_F(GuestLinksTest, AnAgentIsAskedForNothingThatItDoesNotOffer) {
  add_domain(5);
  start();
  PretendedAgent& agent = add_agent(5);
  agent.capabilities = {"approvals"};
  agent.converse();
  expect([&] { return is_open(5); }, "open");
  const Uuid member = Uuid::derived("vm5");
  auto quiesced = run(context_, links_->quiesce(member, {}, k_limit));
  ASSERT_FALSE(quiesced);
  EXPECT_EQ(quiesced.error().message, "its agent does not offer quiesce");
  EXPECT_FALSE(run(context_, links_->thaw(member, {}, k_limit)));
  EXPECT_FALSE(run(context_, links_->health(member, k_limit)));
  EXPECT_EQ(agent.asked, std::vector<std::string>{"hello"});
}

TEST_F(GuestLinksTest, HealthCountsChannels) {
  add_domain(4, "quiet");
  add_guest(5, "open");
  auto checks = links_->checks();
  ASSERT_EQ(checks.size(), 2u);
  EXPECT_EQ(checks[0].name, "XenStore");
  EXPECT_TRUE(checks[0].healthy);
  EXPECT_EQ(checks[1].name, "channels");
  EXPECT_TRUE(checks[1].healthy);
  EXPECT_EQ(checks[1].detail, "1 of 2 open, 1 whose agent has not advertised itself");
  world_->lose(Error{Errc::unavailable, "xenstored is gone"});
  expect([&] { return !links_->checks()[0].healthy; }, "reported");
  EXPECT_TRUE(is_open(5)) << "what is open stays open";
}

std::vector<GuestLinkStatus> many_guests(std::size_t open, std::size_t broken) {
  std::vector<GuestLinkStatus> guests;
  for (std::size_t i = 0; i < open + broken; ++i) {
    GuestLinkStatus guest{.member = {.vm = VmName::parse("pos" + std::to_string(i)).value(), .name = "pos" + std::to_string(i)}};
    guest.is_open = i < open;
    guest.links = 3;
    guest.last_end = std::string(3000, 'x');
    guests.push_back(std::move(guest));
  }
  return guests;
}

TEST(GuestLinkHealth, OfFiveHundredGuestsFitsAMessage) {
  for (const std::size_t broken : {std::size_t{0}, std::size_t{2}, std::size_t{500}}) {
    const auto checks = checks_of(many_guests(500 - broken, broken));
    EXPECT_EQ(checks.size(), 1 + std::min<std::size_t>(broken, 80));
    EXPECT_EQ(checks[0].healthy, broken == 0);
    EXPECT_EQ(checks[0].detail.find(std::to_string(500 - broken) + " of 500 open"), 0u) << checks[0].detail;
    for (std::size_t i = 1; i < checks.size(); ++i) EXPECT_FALSE(checks[i].healthy);
    const std::string text = protocol::encode_response(1, protocol::HostHealthReport{.version = "v", .checks = checks});
    EXPECT_LE(text.size(), protocol::k_longest_message);
    const auto decoded = protocol::decode_response<protocol::HostHealth>(text);
    ASSERT_TRUE(decoded) << decoded.error().message;
  }
}

}  // namespace
}  // namespace zynclone::broker::gateway
