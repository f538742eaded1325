// clone-net-monitor's reconciliation, called directly, against the sandbox's XenStore and filters that may fail.

#include "host-broker/monitors/net_monitor.hpp"

#include "host-broker/monitors/clone_monitor.hpp"
#include "tests/host-broker/monitors/lockdown_world.hpp"

namespace zynclone::broker::monitors {
namespace {

using network::FilterState;
using network::UnknownVifs;
using network::VifRule;
using protocol::CloneState;
using protocol::VifMode;

const std::string k_acknowledgement = "/zynclone/ack/0/" + k_original.text();

// A filter in memory, with failures to order.
class FakeFilter : public network::VifFilter {
 public:
  struct State {
    std::optional<FilterState> in_force;
    std::optional<Error> apply_fails;
    std::optional<Error> read_fails;
    bool forgets = false;             // says that it applied, and did not
    unsigned applied = 0;
  };
  explicit FakeFilter(State& state) : state_(state) {}

  Result<void> apply(const FilterState& desired) override {
    ++state_.applied;
    if (state_.apply_fails) return *state_.apply_fails;
    if (!state_.forgets) state_.in_force = network::checked(desired).value();
    return outcome::success();
  }
  Result<std::optional<FilterState>> in_force() override {
    if (state_.read_fails) return *state_.read_fails;
    return state_.in_force;
  }
  asio::awaitable<Result<void>> changed() override { co_return fail(Errc::cancelled, "no changes here"); }

 private:
  State& state_;
};

// Writes down what it was asked, and what was acknowledged at that moment.
class FakeAnnouncer : public network::Announcer {
 public:
  struct State {
    std::vector<std::string> calls;      // "<interface> <mac> <address,...>"
    std::function<void()> meanwhile;
    bool fails = false;
  };
  explicit FakeAnnouncer(State& state) : state_(state) {}
  Result<std::string> announce(const network::Announcement& announcement, const FilterState&) override {
    std::string call = announcement.interface + " " + announcement.mac + " ";
    for (const std::string& address : announcement.addresses) call += (call.ends_with(' ') ? "" : ",") + address;
    state_.calls.push_back(call);
    if (state_.meanwhile) state_.meanwhile();
    if (state_.fails) return fail(Errc::system, "cannot send");
    return std::string("in memory");
  }

 private:
  State& state_;
};

class FakeBridges : public network::IsolatedBridges {
 public:
  struct State {
    std::vector<std::string> calls;      // "make <bridge>", "place <interface> <bridge>", "tidy <bridge> ..."
    std::function<void()> meanwhile;     // while something is placed
    std::optional<Error> make_fails;
    std::optional<Error> place_fails;
  };
  explicit FakeBridges(State& state) : state_(state) {}
  Result<void> make(const std::string& bridge) override {
    state_.calls.push_back("make " + bridge);
    if (state_.make_fails) return *state_.make_fails;
    return outcome::success();
  }
  Result<std::vector<std::string>> place(const std::vector<network::Placement>& placements) override {
    for (const auto& placement : placements) state_.calls.push_back("place " + placement.interface + " " + placement.bridge);
    if (state_.meanwhile) state_.meanwhile();
    if (state_.place_fails) return *state_.place_fails;
    return std::vector<std::string>();
  }
  Result<std::vector<std::string>> tidy(const std::map<std::string, std::set<std::string>>& wanted) override {
    std::string call = "tidy";
    for (const auto& [bridge, members] : wanted) call += " " + bridge;
    state_.calls.push_back(call);
    return std::vector<std::string>();
  }

 private:
  State& state_;
};

class NetMonitorTest : public ::testing::Test {
 protected:
  void publish(const Family& family) {
    world.save(family);
    ASSERT_OK(CloneMonitor(world.context.get_executor(), world.families_folder).reconcile(Hints::all()));
  }
  Result<void> reconcile() { return monitor.reconcile(Hints::all()); }
  std::optional<VifRule> rule(const std::string& interface) const {
    if (filter.in_force) {
      for (const VifRule& one : filter.in_force->rules) {
        if (one.interface == interface) return one;
      }
    }
    return std::nullopt;
  }

  LockdownWorld world;
  FakeFilter::State filter;
  FakeAnnouncer::State announced;
  FakeBridges::State bridges;
  NetMonitor monitor{world.context.get_executor(), std::make_unique<FakeFilter>(filter), std::make_unique<FakeAnnouncer>(announced),
                     std::make_unique<FakeBridges>(bridges)};
};

TEST_F(NetMonitorTest, AppliesAndAcknowledges) {
  world.add_domain(3, k_original, "pos1");
  world.add_vif(0, 3, 0, k_original_mac);
  publish(family_with_clone(4, CloneState::running, VifMask{1}, VifMask{0}));
  ASSERT_OK(reconcile());
  EXPECT_EQ(rule("zc1")->mode, VifMode::disabled);
  EXPECT_EQ(rule("vif3.0")->mode, VifMode::unlocked);
  EXPECT_EQ(world.read(k_acknowledgement), "4");
  EXPECT_EQ(world.permissions(k_acknowledgement), "n0");
  publish(family_with_clone(5, CloneState::running, VifMask{0}, VifMask{1}));
  ASSERT_OK(reconcile());
  EXPECT_EQ(rule("zc1")->mode, VifMode::unlocked);
  EXPECT_EQ(rule("vif3.0")->mode, VifMode::disabled);
  EXPECT_EQ(filter.in_force->unknown, UnknownVifs::hold);
  EXPECT_EQ(world.read(k_acknowledgement), "5");
}

TEST_F(NetMonitorTest, TouchesNothingBeforeAnythingIsPublished) {
  filter.in_force = FilterState{.rules = {{.interface = "zc1", .mode = VifMode::disabled}}};
  ASSERT_FAILS(reconcile(), Errc::unavailable) << "and it is not ready";
  EXPECT_EQ(filter.applied, 0u);
  publish(family_with_clone(4, CloneState::running, VifMask{1}, VifMask{0}));
  ASSERT_OK(reconcile());
  EXPECT_EQ(filter.applied, 0u) << "it is in force already";
  EXPECT_EQ(world.read(k_acknowledgement), "4");
}

TEST_F(NetMonitorTest, DoesNotAcknowledgeWhatCannotBeApplied) {
  publish(family_with_clone(4, CloneState::running, VifMask{1}, VifMask{0}));
  ASSERT_OK(reconcile());
  publish(family_with_clone(5, CloneState::running, VifMask{1}, VifMask{1}));
  filter.apply_fails = Error{Errc::system, "cannot apply"};
  EXPECT_FAILS(reconcile(), Errc::system);
  EXPECT_EQ(world.read(k_acknowledgement), std::nullopt) << "nor does the old one count any longer";
  filter.apply_fails.reset();
  ASSERT_OK(reconcile());
  EXPECT_EQ(world.read(k_acknowledgement), "5");
}

TEST_F(NetMonitorTest, DoesNotAcknowledgeWhatIsNotReadBack) {
  publish(family_with_clone(4, CloneState::running, VifMask{1}, VifMask{0}));
  filter.forgets = true;
  EXPECT_FAILS(reconcile(), Errc::system);
  EXPECT_EQ(world.read(k_acknowledgement), std::nullopt);
  filter.forgets = false;
  filter.read_fails = Error{Errc::system, "cannot list"};
  EXPECT_FAILS(reconcile(), Errc::system);
  EXPECT_EQ(world.read(k_acknowledgement), std::nullopt);
}

TEST_F(NetMonitorTest, MakesRulesAnewThatAreGone) {
  publish(family_with_clone(4, CloneState::running, VifMask{1}, VifMask{0}));
  ASSERT_OK(reconcile());
  filter.in_force.reset();
  ASSERT_OK(reconcile());
  EXPECT_EQ(rule("zc1")->mode, VifMode::disabled);
  EXPECT_EQ(filter.applied, 2u);
}

// Its UUID is known before clone-monitor has said anything of its new domain: no frame leaves it in between, for unknown interfaces are held.
TEST_F(NetMonitorTest, AnOriginalThatStartsAnewIsNeverFree) {
  world.add_domain(3, k_original, "pos1");
  world.add_vif(0, 3, 0, k_original_mac);
  publish(family_with_clone(4, CloneState::running, VifMask{0}, VifMask{1}));
  ASSERT_OK(reconcile());
  EXPECT_EQ(filter.in_force->unknown, UnknownVifs::hold);
  world.remove_domain(3);
  world.remove("/local/domain/0/backend/vif/3");
  ASSERT_OK(reconcile());
  EXPECT_EQ(filter.in_force->unknown, UnknownVifs::hold);
  world.add_domain(12, k_original, "pos1");
  world.add_vif(0, 12, 0, k_original_mac);
  ASSERT_OK(reconcile());
  EXPECT_EQ(rule("vif12.0")->mode, VifMode::disabled);
}

TEST_F(NetMonitorTest, LetsVmsOfNoFamilyPass) {
  world.add_domain(3, k_original, "pos1");
  world.add_vif(0, 3, 0, k_original_mac);
  world.add_domain(8, Uuid::derived("office"), "office");
  world.add_vif(0, 8, 0, "00:16:3e:00:00:08");
  world.add_vif(0, 8, 1, "00:16:3e:00:00:09", "vif-office");
  world.add_vif(0, 8, 2, "00:16:3e:00:00:0a", "office2");
  publish(family_with_clone(4, CloneState::running, VifMask{0}, VifMask{1}));
  ASSERT_OK(reconcile());
  for (const char* interface : {"vif8.0", "vif8.1", "vif-office", "vif8.2"}) {
    ASSERT_TRUE(rule(interface)) << interface;
    EXPECT_EQ(rule(interface)->mode, VifMode::unlocked);
  }
  EXPECT_FALSE(rule("office2")) << "only vif* is held";
}

TEST_F(NetMonitorTest, HostileContentIsRefusedWhole) {
  publish(family_with_clone(4, CloneState::running, VifMask{1}, VifMask{0}));
  Family other = family_without_clones(2);
  other.vm = VmName::parse("pos2").value();
  other.uuid = Uuid::derived("pos2");
  publish(other);
  ASSERT_OK(reconcile());
  const auto before = filter.in_force;

  const std::string member = "/zynclone/family/" + k_original.text() + "/member/" + k_clone.text();
  for (const auto& [path, value] : std::initializer_list<std::pair<std::string, std::string>>{
           {"/vif/0/interface", "x\" accept; flush ruleset #"}, {"/vif/0/mode", "free"}, {"/vif/0/ipv4", "any"}, {"/vif/0/mac", "*"}, {"/domid", "1 2"}}) {
    publish(family_with_clone(4, CloneState::running, VifMask{1}, VifMask{0}));
    world.write("/zynclone/family/" + k_original.text() + "/generation", "5");
    world.write(member + "/vif/0/mode", "unlocked");  // good by itself, but not to be applied by halves
    world.write(member + path, value);
    const auto done = reconcile();
    ASSERT_FAILS(done, Errc::malformed) << path;
    EXPECT_NE(done.error().message.find("family '" + k_original.text() + "' is refused"), std::string::npos) << done.error().message;
    EXPECT_EQ(filter.in_force, before) << path;
    EXPECT_EQ(world.read(k_acknowledgement), "4") << path;
  }
  other.generation = {3};
  world.save(other);
  world.write("/zynclone/family/" + other.uuid.text() + "/generation", "3");
  EXPECT_FAILS(reconcile(), Errc::malformed);
  EXPECT_EQ(world.read("/zynclone/ack/0/" + other.uuid.text()), "3") << "other families go on";
}

// A restarted monitor knows nothing of what was before, but the filter does.
TEST_F(NetMonitorTest, ARefusedFamilysRulesOutliveTheMonitor) {
  publish(family_with_clone(4, CloneState::running, VifMask{1}, VifMask{0}));
  ASSERT_OK(reconcile());
  const auto before = filter.in_force;
  world.write("/zynclone/family/" + k_original.text() + "/generation", "much");
  NetMonitor restarted(world.context.get_executor(), std::make_unique<FakeFilter>(filter), std::make_unique<FakeAnnouncer>(announced),
                       std::make_unique<FakeBridges>(bridges));
  EXPECT_FAILS(restarted.reconcile(Hints::all()), Errc::malformed);
  EXPECT_EQ(filter.in_force, before);
}

TEST_F(NetMonitorTest, ForgetsAFamilyThatIsGone) {
  publish(family_with_clone(4, CloneState::running, VifMask{1}, VifMask{0}));
  ASSERT_OK(reconcile());
  world.remove("/zynclone/family/" + k_original.text());
  ASSERT_OK(reconcile());
  EXPECT_EQ(filter.in_force, FilterState());
  EXPECT_EQ(world.read(k_acknowledgement), std::nullopt);
}

TEST_F(NetMonitorTest, WorksInADriverDomain) {
  world.add_domain(3, k_original, "pos1");
  world.add_domain(5, Uuid::derived("driver"), "znetdd");
  world.add_domain(8, Uuid::derived("office"), "office");
  world.add_vif(5, 3, 0, k_original_mac);
  world.add_vif(5, 8, 0, "00:16:3e:00:00:08");
  Family family = family_with_clone(4, CloneState::running, VifMask{0}, VifMask{0});
  family.vifs[0].backend = "znetdd";
  publish(family);
  world.use_domain(5);
  const auto done = reconcile();
  world.use_domain(0);
  ASSERT_OK(done);
  EXPECT_EQ(filter.in_force, (FilterState{.unknown = UnknownVifs::hold,
                                          .rules = {{.interface = "vif3.0", .mode = VifMode::disabled}, {.interface = "vif8.0", .mode = VifMode::unlocked}}}));
  EXPECT_EQ(world.read("/zynclone/ack/5/" + k_original.text()), "4");
  EXPECT_EQ(world.read("/zynclone/ack/0/" + k_original.text()), std::nullopt) << "domain 0 has to speak for itself";
}

// ---- where production is -------------------------------------------------------------------------------------------------------

class Cutover : public NetMonitorTest {
 protected:
  Cutover() {
    world.add_domain(3, k_original, "pos1");
    world.add_vif(0, 3, 0, k_original_mac);
    world.add_domain(7, k_clone, "pos1.upgrade-1");
    world.add_vif(0, 7, 0, k_clone_mac, "zc1");
  }
  static Family family(std::uint64_t generation, std::uint64_t production_generation, std::optional<Uuid> member) {
    Family made = family_with_clone(generation, CloneState::running, VifMask{1}, VifMask{0});
    made.production = {.member = member, .generation = production_generation, .announce = {"192.0.2.1", "2001:db8::1"}};
    return made;
  }
  // As clone-monitor would not: it takes back what was acknowledged before.
  void publish_by_hand(const Family& family) {
    const std::string root = "/zynclone/family/" + family.uuid.text();
    for (const auto& [path, value] : nodes_of(publication_of(family, domains()))) {
      if (!path.empty()) world.write(root + "/" + path, value);
    }
  }
  static Domains domains() {
    return Domains({{.id = {0}, .uuid = {}, .name = "Domain-0"}, {.id = {3}, .uuid = k_original, .name = "pos1"}, {.id = {7}, .uuid = k_clone, .name = "c"}});
  }
  void expect_in_force(VifMode original, VifMode clone) {
    ASSERT_TRUE(rule("vif3.0") && rule("zc1"));
    EXPECT_EQ(rule("vif3.0")->mode, original);
    EXPECT_EQ(rule("zc1")->mode, clone);
  }

  const std::string k_of_clone = "zc1 " + k_clone_mac + " 192.0.2.1,2001:db8::1";
  const std::string k_of_original = "vif3.0 " + k_original_mac + " 192.0.2.1,2001:db8::1";
};

TEST_F(Cutover, AMoveIsAnnouncedOnceItIsInForceAndBeforeItIsAcknowledged) {
  publish(family_with_clone(4, CloneState::running, VifMask{1}, VifMask{0}));
  ASSERT_OK(reconcile());
  publish(family(5, 1, std::nullopt));
  ASSERT_OK(reconcile());
  expect_in_force(VifMode::disabled, VifMode::disabled);
  EXPECT_TRUE(announced.calls.empty()) << "nobody has production";

  publish(family(6, 2, k_clone));
  announced.meanwhile = [&] {
    expect_in_force(VifMode::disabled, VifMode::unlocked);
    EXPECT_EQ(world.read(k_acknowledgement), "5");
  };
  ASSERT_OK(reconcile());
  EXPECT_EQ(announced.calls, std::vector<std::string>{k_of_clone});
  EXPECT_EQ(world.read(k_acknowledgement), "6");

  // Undone: the original has it again.
  announced.meanwhile = nullptr;
  publish(family(7, 3, std::nullopt));
  ASSERT_OK(reconcile());
  publish(family(8, 4, k_original));
  ASSERT_OK(reconcile());
  EXPECT_EQ(announced.calls, (std::vector<std::string>{k_of_clone, k_of_original}));
  expect_in_force(VifMode::unlocked, VifMode::disabled);
}

TEST_F(Cutover, WhatWasSoAtTheMonitorsStartIsNoMove) {
  publish(family(6, 2, k_clone));
  ASSERT_OK(reconcile());
  EXPECT_TRUE(announced.calls.empty());
  publish(family(7, 2, k_clone));
  ASSERT_OK(reconcile());
  EXPECT_TRUE(announced.calls.empty()) << "another change of the family";
}

TEST_F(Cutover, WhatCannotBeAnnouncedIsAcknowledgedAllTheSame) {
  publish(family(5, 1, k_original));
  ASSERT_OK(reconcile());
  announced.fails = true;
  publish(family(6, 2, k_clone));
  ASSERT_OK(reconcile());
  EXPECT_EQ(world.read(k_acknowledgement), "6");
}

TEST_F(Cutover, WhatCannotBeAppliedIsNotAnnounced) {
  publish(family(5, 1, k_original));
  ASSERT_OK(reconcile());
  publish(family(6, 2, k_clone));
  filter.apply_fails = Error{Errc::system, "cannot apply"};
  EXPECT_FAILS(reconcile(), Errc::system);
  EXPECT_TRUE(announced.calls.empty());
  filter.apply_fails.reset();
  ASSERT_OK(reconcile());
  EXPECT_EQ(announced.calls, std::vector<std::string>{k_of_clone});
}

// ---- never back ------------------------------------------------------------------------------------------------------------------

TEST_F(Cutover, AnOlderGenerationIsRefused) {
  publish(family(8, 4, k_original));
  ASSERT_OK(reconcile());
  publish_by_hand(family(6, 2, k_clone));
  const auto done = reconcile();
  ASSERT_FAILS(done, Errc::conflict);
  EXPECT_NE(done.error().message.find("generation 6 is older than 8, which was in force"), std::string::npos) << done.error().message;
  EXPECT_EQ(done.error().place, "/zynclone/family/" + k_original.text());
  expect_in_force(VifMode::unlocked, VifMode::disabled);
  EXPECT_TRUE(announced.calls.empty());
  EXPECT_EQ(world.read(k_acknowledgement), std::nullopt) << "8 would count for 6";

  // With the right one, all goes on.
  publish_by_hand(family(9, 5, std::nullopt));
  ASSERT_OK(reconcile());
  expect_in_force(VifMode::disabled, VifMode::disabled);
  EXPECT_EQ(world.read(k_acknowledgement), "9");
}

TEST_F(Cutover, AnOlderProductionIsRefusedWhateverTheFamilysGenerationSays) {
  publish(family(8, 4, k_original));
  ASSERT_OK(reconcile());
  for (const auto& [production, member] : std::initializer_list<std::pair<std::uint64_t, std::optional<Uuid>>>{
           {3, std::nullopt}, {2, k_clone}, {0, std::nullopt}, {4, k_clone}, {4, std::nullopt}}) {
    publish_by_hand(family(9, production, member));
    EXPECT_FAILS(reconcile(), Errc::conflict) << production;
    expect_in_force(VifMode::unlocked, VifMode::disabled);
    EXPECT_EQ(world.read(k_acknowledgement), std::nullopt);
  }
}

// Its rules stay alive: they follow its interfaces.
TEST_F(Cutover, AMemberOfAFamilyThatWentBackIsNotFreedByRebooting) {
  publish(family(8, 4, k_clone));
  ASSERT_OK(reconcile());
  expect_in_force(VifMode::disabled, VifMode::unlocked);
  publish_by_hand(family(6, 2, k_original));
  EXPECT_FAILS(reconcile(), Errc::conflict);
  world.remove_domain(3);
  world.remove("/local/domain/0/backend/vif/3");
  world.add_domain(12, k_original, "pos1");
  world.add_vif(0, 12, 0, k_original_mac);
  EXPECT_FAILS(reconcile(), Errc::conflict);
  ASSERT_TRUE(rule("vif12.0"));
  EXPECT_EQ(rule("vif12.0")->mode, VifMode::disabled);
}

TEST_F(Cutover, OtherFamiliesGoOnMeanwhile) {
  publish(family(8, 4, k_original));
  Family other = family_without_clones(2);
  other.vm = VmName::parse("pos2").value();
  other.uuid = Uuid::derived("pos2");
  publish(other);
  ASSERT_OK(reconcile());
  other.generation.value = 3;
  publish(other);
  publish_by_hand(family(6, 2, k_clone));
  EXPECT_FAILS(reconcile(), Errc::conflict);
  EXPECT_EQ(world.read("/zynclone/ack/0/" + other.uuid.text()), "3");
}

TEST_F(Cutover, ARestartedMonitorKnowsWhatItAcknowledged) {
  publish(family(8, 4, k_original));
  ASSERT_OK(reconcile());
  publish_by_hand(family(6, 2, k_clone));
  NetMonitor restarted(world.context.get_executor(), std::make_unique<FakeFilter>(filter), std::make_unique<FakeAnnouncer>(announced),
                       std::make_unique<FakeBridges>(bridges));
  EXPECT_FAILS(restarted.reconcile(Hints::all()), Errc::conflict);
  expect_in_force(VifMode::unlocked, VifMode::disabled);
  EXPECT_EQ(world.read(k_acknowledgement), std::nullopt);
}

TEST_F(Cutover, AFamilyThatIsMadeAnewBeginsAnew) {
  publish(family(8, 4, k_clone));
  ASSERT_OK(reconcile());
  world.remove_family("pos1");
  ASSERT_OK(CloneMonitor(world.context.get_executor(), world.families_folder).reconcile(Hints::all()));
  ASSERT_OK(reconcile());
  publish(family_with_clone(1, CloneState::running, VifMask{1}, VifMask{0}));
  ASSERT_OK(reconcile());
  expect_in_force(VifMode::unlocked, VifMode::disabled);
  EXPECT_EQ(world.read(k_acknowledgement), "1");
}

// As docs/administration.md has it.
TEST_F(Cutover, AFileFromABackupCountsOnceBothMonitorsWereRestarted) {
  publish(family(8, 4, k_clone));
  ASSERT_OK(reconcile());
  publish(family(6, 2, k_original));
  EXPECT_FAILS(reconcile(), Errc::conflict);
  NetMonitor restarted(world.context.get_executor(), std::make_unique<FakeFilter>(filter), std::make_unique<FakeAnnouncer>(announced),
                       std::make_unique<FakeBridges>(bridges));
  ASSERT_OK(restarted.reconcile(Hints::all()));
  expect_in_force(VifMode::unlocked, VifMode::disabled);
  EXPECT_EQ(world.read(k_acknowledgement), "6");
}

class Isolated : public NetMonitorTest {
 protected:
  void add_clones_domain() {
    world.add_domain(7, k_clone, "pos1.upgrade-1");
    world.add_vif(0, 7, 0, k_clone_mac, "zc1");
  }
  const std::string bridge = isolated_bridge(k_original);
  using Calls = std::vector<std::string>;
};

TEST_F(Isolated, TheBridgeIsMadeBeforeItIsAcknowledgedAndTakenAwayAfterwards) {
  publish(family_with_isolated_clone(4));
  bridges.meanwhile = [&] {
    EXPECT_EQ(rule("zc1")->reach, network::Reach::isolated) << "the rules are in force before anything moves";
    EXPECT_EQ(world.read(k_acknowledgement), std::nullopt);
  };
  ASSERT_OK(reconcile());
  EXPECT_EQ(bridges.calls, (Calls{"make " + bridge, "tidy " + bridge}));
  EXPECT_EQ(world.read(k_acknowledgement), "4");
  bridges.meanwhile = {};
  bridges.calls.clear();
  add_clones_domain();
  ASSERT_OK(reconcile());
  EXPECT_EQ(bridges.calls, (Calls{"make " + bridge, "place zc1 " + bridge, "tidy " + bridge}));
  world.remove_domain(7);
  world.remove("/local/domain/0/backend/vif/7");
  bridges.calls.clear();
  publish(family_with_isolated_clone(5, CloneState::active));
  ASSERT_OK(reconcile());
  EXPECT_EQ(bridges.calls, Calls{"tidy"});
}

TEST_F(Isolated, WhatCannotBeMadeOrMovedIsNotAcknowledged) {
  add_clones_domain();
  publish(family_with_isolated_clone(4));
  bridges.make_fails = Error{Errc::system, "cannot make bridge"};
  ASSERT_FAILS(reconcile(), Errc::system);
  EXPECT_EQ(world.read(k_acknowledgement), std::nullopt);
  bridges.make_fails.reset();
  ASSERT_OK(reconcile());
  EXPECT_EQ(world.read(k_acknowledgement), "4");
  bridges.place_fails = Error{Errc::system, "cannot move interface"};
  const auto failed = reconcile();
  ASSERT_FAILS(failed, Errc::system);
  EXPECT_EQ(failed.error().message, "cannot acknowledge 'pos1': cannot move interface");
  EXPECT_EQ(world.read(k_acknowledgement), std::nullopt) << "taken back";
  EXPECT_EQ(rule("zc1")->reach, network::Reach::isolated) << "and it reaches nobody else";
}

TEST_F(Isolated, WithProductionItIsMovedBeforeItIsAnnounced) {
  add_clones_domain();
  publish(family_with_isolated_clone(4));
  ASSERT_OK(reconcile());
  Family family = family_with_isolated_clone(5);
  family.production = {.member = k_clone, .generation = 2, .announce = {"192.0.2.1"}};
  publish(family);
  bridges.calls.clear();
  bridges.meanwhile = [&] {
    EXPECT_TRUE(announced.calls.empty());
    EXPECT_EQ(world.read(k_acknowledgement), "4");
  };
  ASSERT_OK(reconcile());
  EXPECT_EQ(rule("zc1")->reach, network::Reach::everywhere);
  EXPECT_EQ(bridges.calls, (Calls{"make " + bridge, "place zc1 br0", "tidy " + bridge}));
  EXPECT_EQ(announced.calls.size(), 1u);
  EXPECT_EQ(world.read(k_acknowledgement), "5");
  // Undone: it goes back, silent for all others before it moves.
  family.generation.value = 6;
  family.production = {.member = std::nullopt, .generation = 3, .announce = {}};
  publish(family);
  bridges.meanwhile = [&] { EXPECT_EQ(rule("zc1")->reach, network::Reach::isolated); };
  bridges.calls.clear();
  ASSERT_OK(reconcile());
  EXPECT_EQ(bridges.calls[1], "place zc1 " + bridge);
}

// Whose bridges are there is not known then.
TEST_F(Isolated, NothingIsTidiedWhileAFamilyIsRefused) {
  publish(family_with_isolated_clone(4));
  world.write("/zynclone/family/" + k_original.text() + "/vm", "no name");
  ASSERT_FAILS(reconcile(), Errc::malformed);
  EXPECT_TRUE(bridges.calls.empty());
}

}  // namespace
}  // namespace zynclone::broker::monitors
