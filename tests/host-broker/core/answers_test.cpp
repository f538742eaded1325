#include <set>

#include "host-broker/core/answers_health.hpp"
#include "tests/host-broker/core/till.hpp"

namespace zynclone::tests {
namespace {

using namespace protocol;

// A family file with so many clones, as if they had been made.
void fill(World& world, std::size_t count, std::size_t note = 900) {
  broker::Family family{.vm = world.pos1, .uuid = world.pos1_uuid, .generation = Generation{1}};
  for (std::size_t i = 0; i < count; ++i) {
    broker::Clone clone{.name = clone_name("clone-" + std::to_string(i)), .uuid = Uuid::derived("clone" + std::to_string(i))};
    clone.note = std::string(note, 'n');
    clone.disks.push_back({.device = "xvda"});
    clone.vifs.push_back({.index = 0, .mac = "00:16:3e:00:00:01"});
    family.clones.push_back(std::move(clone));
  }
  world.families.kept.insert_or_assign(world.pos1, std::move(family));
  world.crash();
  world.start();
}

struct Pages {
  std::set<std::string> names;
  std::size_t count = 0;
  std::size_t pages = 0;
};

// All pages of a list, each read as the other side reads it.
template <class M, class GoOn>
Pages read_all(World& world, broker::Caller caller, M method, GoOn go_on) {
  Pages all;
  for (bool more = true; more && all.pages < 10'000; ++all.pages) {
    const std::string text = world.ask(caller, method);
    EXPECT_LE(text.size(), k_longest_message);
    const auto page = decode_response<M>(text);
    EXPECT_OK(page);
    if (!page) return all;
    more = page.value().more;
    all.count += go_on(page.value(), method, all.names);
  }
  return all;
}

std::size_t take_clones(const std::vector<CloneView>& clones, std::set<std::string>& names) {
  for (const CloneView& clone : clones) names.insert(clone.vm.text() + '/' + clone.name.text());
  return clones.size();
}

Pages all_clones(World& world, broker::Caller caller) {
  return read_all(world, std::move(caller), CloneList{}, [](const CloneListing& page, CloneList& method, std::set<std::string>& names) {
    if (!page.clones.empty()) method = CloneList{.after = page.clones.back().name, .after_vm = page.clones.back().vm};
    return take_clones(page.clones, names);
  });
}

TEST(Answers, AllClonesArriveHoweverMany) {
  for (const std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{100}, std::size_t{200}, std::size_t{1000}}) {
    World world;
    fill(world, count);
    for (const auto& caller : {world.guest(), world.admin()}) {
      const Pages all = all_clones(world, caller);
      EXPECT_EQ(all.count, count);
      EXPECT_EQ(all.names.size(), count);
    }
    const Pages family = read_all(world, world.guest(), FamilyShow{}, [](const FamilyView& page, FamilyShow& method, std::set<std::string>& names) {
      if (!page.clones.empty()) method.after = page.clones.back().name;
      return take_clones(page.clones, names);
    });
    EXPECT_EQ(family.count, count);
    EXPECT_EQ(family.names.size(), count);
  }
}

TEST(Answers, APageOfSmallClonesIsBoundToo) {
  World world;
  fill(world, 200, 0);
  const auto page = world.call(world.admin(), CloneList{});
  ASSERT_OK(page);
  EXPECT_EQ(page.value().clones.size(), 100u);
  EXPECT_TRUE(page.value().more);
}

// Many small values reach the reader's limit of values before that of bytes.
TEST(Answers, APageHasNoMoreValuesThanItsReaderTakes) {
  World world;
  fill(world, 150, 0);
  broker::Family& family = world.families.kept.at(world.pos1);
  for (broker::Clone& clone : family.clones) {
    for (unsigned i = 1; i < 24; ++i) clone.vifs.push_back({.index = i, .mac = "0"});
  }
  world.crash();
  world.start();
  EXPECT_EQ(all_clones(world, world.admin()).names.size(), 150u);
}

TEST(Answers, AListGoesOnWhenItsLastCloneHasGone) {
  World world;
  fill(world, 200);
  const auto first = world.call(world.guest(), CloneList{});
  ASSERT_OK(first);
  ASSERT_TRUE(first.value().more);
  const CloneName last = first.value().clones.back().name;
  std::erase_if(world.families.kept.at(world.pos1).clones, [&](const broker::Clone& clone) { return clone.name == last; });
  world.crash();
  world.start();
  const auto second = world.call(world.guest(), CloneList{.after = last});
  ASSERT_OK(second);
  ASSERT_FALSE(second.value().clones.empty());
  EXPECT_GT(second.value().clones.front().name, last);
}

TEST(Answers, ClonesOfSeveralVmsGoOnAtTheRightOne) {
  World world;
  fill(world, 60);
  for (const char* name : {"pos0", "pos2"}) {
    broker::Family family = world.families.kept.at(world.pos1);
    family.vm = VmName::parse(name).value();
    family.uuid = Uuid::derived(name);
    for (broker::Clone& clone : family.clones) clone.uuid = Uuid::derived(name + clone.name.text());
    world.families.kept.emplace(family.vm, family);
  }
  world.crash();
  world.start();
  CloneList method;
  std::set<std::string> names;
  std::size_t count = 0;
  for (bool more = true; more;) {
    // Of all VMs: an administrator who names none.
    const Request request{.id = 1, .method = method};
    const auto page = decode_response<CloneList>(run_on(*world.context, world.broker->handle(world.admin(), request)));
    ASSERT_OK(page);
    ASSERT_FALSE(page.value().clones.empty());
    count += take_clones(page.value().clones, names);
    method = CloneList{.after = page.value().clones.back().name, .after_vm = page.value().clones.back().vm};
    more = page.value().more;
  }
  EXPECT_EQ(count, 180u);
  EXPECT_EQ(names.size(), 180u);
}

void add_operations(World& world, std::size_t count, OperationState state) {
  for (std::size_t i = 0; i < count; ++i) {
    world.clock.advance(std::chrono::seconds(1));
    broker::OperationRecord record;
    record.id = make_operation_id(world.clock.now());
    record.family = world.pos1_uuid;
    record.vm = world.pos1;
    record.requester = world.pos1_uuid.text();
    record.requester_name = "pos1";
    record.kind = "clone.create";
    record.target = "a" + std::to_string(i);
    record.state = state;
    record.created = world.clock.now();
    record.approval_expires = world.clock.now() + std::chrono::hours(100);
    record.approvers_needed = 1;
    record.decision_place = std::string(1000, 'p');
    record.summary = std::string(k_longest_text, 's');
    record.error = Error{Errc::storage, std::string(3000, 'e'), std::string(3000, 'e')};
    world.journal.operations.push_back(std::move(record));
  }
  world.crash();
  world.start();
}

TEST(Answers, OperationsGoBackToTheFirst) {
  World world;
  add_operations(world, 250, OperationState::failed);
  for (const auto& caller : {world.guest(), world.admin()}) {
    const Pages all = read_all(world, caller, OperationList{.limit = 1000}, [](const OperationListing& page, OperationList& method, std::set<std::string>& names) {
      for (const auto& operation : page.operations) names.insert(operation.id.text());
      if (!page.operations.empty()) method.after = page.operations.back().id;
      return page.operations.size();
    });
    EXPECT_EQ(all.count, 250u);
    EXPECT_EQ(all.names.size(), 250u);
  }
  const auto few = world.call(world.guest(), OperationList{.limit = 3});
  ASSERT_OK(few);
  EXPECT_EQ(few.value().operations.size(), 3u);
  EXPECT_TRUE(few.value().more);
  EXPECT_EQ(few.value().operations[0].target, "a249");
}

TEST(Answers, AllApprovalsArrive) {
  World world;
  add_operations(world, 150, OperationState::awaiting_approval);
  const Pages all = read_all(world, world.admin(), ApprovalList{}, [](const ApprovalListing& page, ApprovalList& method, std::set<std::string>& names) {
    for (const auto& approval : page.approvals) names.insert(approval.operation.id.text());
    if (!page.approvals.empty()) method.after = page.approvals.back().operation.id;
    return page.approvals.size();
  });
  EXPECT_EQ(all.count, 150u);
  EXPECT_EQ(all.names.size(), 150u);
}

TEST(Answers, TheAuditLogTellsItsNewest) {
  World world;
  for (int i = 0; i < 250; ++i) ASSERT_OK(run_on(*world.context, world.journal.append("a", "e", "", std::string(3000, 'd'))));
  const auto end = world.call(world.admin(), AuditList{.after = ~0ull, .limit = 1});
  ASSERT_OK(end);
  EXPECT_EQ(end.value().last, 250u);
  EXPECT_TRUE(end.value().entries.empty());
  EXPECT_FALSE(end.value().more);
  const auto newest = world.call(world.admin(), AuditList{.after = 240, .limit = 100});
  ASSERT_OK(newest);
  ASSERT_EQ(newest.value().entries.size(), 10u);
  EXPECT_EQ(newest.value().entries.back().sequence, 250u);
  EXPECT_FALSE(newest.value().more);
  const auto first = world.call(world.admin(), AuditList{.after = 0, .limit = 100});
  ASSERT_OK(first);
  EXPECT_TRUE(first.value().more);
}

TEST(Answers, AnAdministratorSeesTheDomainOfACloneThatRuns) {
  World world;
  ASSERT_OK(world.create("a"));
  const broker::Domain* domain = world.toolstack.find("pos1.a");
  ASSERT_NE(domain, nullptr);
  const auto shown = world.call(world.admin(), CloneShow{.name = clone_name("a")});
  ASSERT_OK(shown);
  EXPECT_EQ(shown.value().domain, domain->id.value);
  EXPECT_EQ(world.call(world.admin(), CloneList{}).value().clones.at(0).domain, domain->id.value);
  EXPECT_EQ(world.call(world.admin(), FamilyShow{}).value().clones.at(0).domain, domain->id.value);
  EXPECT_FALSE(world.call(world.guest(), CloneShow{.name = clone_name("a")}).value().domain);
  EXPECT_FALSE(world.call(world.guest(), CloneList{}).value().clones.at(0).domain);
  ASSERT_OK(world.create("b", false));
  EXPECT_FALSE(world.call(world.admin(), CloneShow{.name = clone_name("b")}).value().domain);
}

TEST(Answers, TheAgentInAVmIsAskedForItsHealth) {
  World world;
  ASSERT_OK(world.create("a"));
  world.guests.calls.clear();
  world.guests.health_report = GuestHealthReport{.healthy = false, .checks = {{"10-till", false, "closed"}}};
  const auto original = world.call(world.admin(), AgentHealth{});
  ASSERT_OK(original);
  EXPECT_FALSE(original.value().healthy);
  EXPECT_EQ(original.value().checks.at(0).detail, "closed");
  ASSERT_OK(world.call(world.admin("vic", broker::AdminRole::viewer), AgentHealth{.clone = clone_name("a")}));
  EXPECT_EQ(world.guests.calls, (std::vector<std::string>{"health " + world.pos1_uuid.text(), "health " + world.clone("a")->uuid.text()}));
  EXPECT_FAILS(world.call(world.admin(), AgentHealth{.clone = clone_name("b")}), Errc::not_found);
  world.guests.health_report = Error{Errc::unavailable, "its agent is not connected"};
  const auto silent = world.call(world.admin(), AgentHealth{});
  ASSERT_FAILS(silent, Errc::unavailable);
  EXPECT_EQ(silent.error().message, "cannot ask the agent in 'pos1': its agent is not connected");
}

asio::awaitable<std::vector<HealthCheck>> many_checks() {
  std::vector<HealthCheck> checks;
  for (int i = 0; i < 150; ++i) checks.push_back({.name = "check " + std::to_string(i), .healthy = i < 149, .detail = std::string(3000, 'd')});
  co_return checks;
}

TEST(Answers, AHealthReportFitsAMessageAndKeepsWhatIsWrong) {
  World world;
  world.broker->add_health_source(many_checks);
  const auto report = world.call(world.admin(), HostHealth{});
  ASSERT_OK(report);
  EXPECT_FALSE(report.value().healthy);
  EXPECT_EQ(report.value().checks.at(0).name, "check 149");
}

TEST(Health, LockdownThatIsAcknowledgedLateIsWell) {
  World world;
  const std::vector<broker::Family> families(2);
  world.network.behind = {{"pos1 at generation 2: 'zhapcon' is at 1"}};
  const auto check = run_on(*world.context, broker::check_lockdown(world.network, families, Deadline::zero()));
  EXPECT_TRUE(check.healthy);
  EXPECT_EQ(check.detail, "all backends have acknowledged 2 families");
}

TEST(Health, LockdownThatIsNotAcknowledgedNamesTheFirstFamilies) {
  World world;
  std::vector<std::string> behind;
  for (int i = 0; i < 500; ++i) behind.push_back("pos" + std::to_string(i) + " at generation 2: 'zhapcon' acknowledged nothing");
  world.network.behind = {behind, behind};
  const auto check = run_on(*world.context, broker::check_lockdown(world.network, {}, Deadline::zero()));
  EXPECT_FALSE(check.healthy);
  EXPECT_EQ(check.detail.find("not acknowledged: pos0 at generation 2"), 0u);
  EXPECT_NE(check.detail.find("; and 495 more;"), std::string::npos) << check.detail;
  EXPECT_LE(check.detail.size(), k_longest_text);
  world.network.fails = Error{Errc::unavailable, "cannot open XenStore"};
  const auto gone = run_on(*world.context, broker::check_lockdown(world.network, {}, Deadline::zero()));
  EXPECT_FALSE(gone.healthy);
  EXPECT_EQ(gone.detail, "cannot open XenStore");
}

TEST(Health, StorageWithoutItsReserveIsNamed) {
  World world;
  const broker::Ports ports = world.ports();
  auto checks = run_on(*world.context, broker::check_storage(ports));
  ASSERT_EQ(checks.size(), 1u);
  EXPECT_TRUE(checks[0].healthy);
  EXPECT_EQ(checks[0].detail, "1 of 1 place with disks of VMs can take a copy beside the reserve");
  world.storage.fails = [](const std::string& call) {
    return call.starts_with("check_room") ? std::optional(Error{Errc::no_space, "thin pool full"}) : std::nullopt;
  };
  checks = run_on(*world.context, broker::check_storage(ports));
  ASSERT_EQ(checks.size(), 2u);
  EXPECT_FALSE(checks[0].healthy);
  EXPECT_EQ(checks[1].name, "storage in /dev/vg0");
  EXPECT_EQ(checks[1].detail, "thin pool full");
}

TEST(Health, ADiskOnManyLayersIsNamedBeforeItsCopiesEnd) {
  World world;
  const broker::Ports ports = world.ports();
  auto& layers = world.storage.layers["/dev/vg0/pos1-root"];
  layers = {.count = 23, .most = 32};
  EXPECT_EQ(run_on(*world.context, broker::check_storage(ports)).size(), 1u);
  layers.count = 24;
  const auto checks = run_on(*world.context, broker::check_storage(ports));
  ASSERT_EQ(checks.size(), 2u);
  EXPECT_TRUE(checks[0].healthy);
  EXPECT_FALSE(checks[1].healthy);
  EXPECT_EQ(checks[1].name, "layers of /dev/vg0/pos1-root");
  EXPECT_EQ(checks[1].detail, "it stands on 24 layers, and at 32 no more copy of it is made: put them into one");
}

// It may have 16 of them under way, and each has the host look at all backends.
TEST(Answers, TheHostIsLookedAtForOneOfAFamilysQuestionsAtATime) {
  Till till;
  till.devices.hold_looks = std::make_shared<asio::steady_timer>(*till.context, asio::steady_timer::time_point::max());
  till.devices.looks = 0;
  std::vector<std::string> answers;
  const auto ask = [&](broker::Caller caller, Method method) {
    Request request{.id = 1, .method = std::move(method)};
    if (std::holds_alternative<broker::Caller::Administrator>(caller.identity)) request.vm = till.pos1;
    asio::co_spawn(*till.context, [](Till& host, std::vector<std::string>& into, broker::Caller who, Request what) -> asio::awaitable<void> {
      into.push_back(co_await host.broker->handle(std::move(who), std::move(what)));
    }(till, answers, std::move(caller), std::move(request)), asio::detached);
    till.settle();
  };
  for (int times = 0; times < 3; ++times) ask(till.guest(), VolumeList{});
  ask(till.guest("standby"), CutoverShow{});
  ask(till.guest("standby"), PeripheralList{});
  EXPECT_EQ(till.devices.looks, 1u);
  ask(till.admin(), VolumeList{});
  EXPECT_EQ(till.devices.looks, 2u) << "an administrator waits for no guest";
  EXPECT_TRUE(answers.empty());
  const auto held = std::exchange(till.devices.hold_looks, nullptr);
  held->cancel();
  till.settle();
  ASSERT_EQ(answers.size(), 6u);
  for (const std::string& answer : answers) EXPECT_NE(answer.find("\"result\""), std::string::npos) << answer;
}

}  // namespace
}  // namespace zynclone::tests
