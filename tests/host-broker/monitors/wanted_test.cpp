#include "host-broker/monitors/wanted.hpp"

#include "tests/host-broker/monitors/lockdown_world.hpp"

namespace zynclone::broker::monitors {
namespace {

using network::FilterState;
using network::UnknownVifs;
using network::VifRule;
using protocol::CloneState;
using protocol::VifMode;

const Uuid k_stranger = Uuid::derived("stranger");

Domains domains_with(std::vector<xen::DomainEntry> entries) {
  entries.push_back({.id = {0}, .uuid = {}, .name = "Domain-0"});
  entries.push_back({.id = {5}, .uuid = Uuid::derived("driver"), .name = "znetdd"});
  return Domains(std::move(entries));
}

BackendVif vif_of(std::uint32_t domain, std::optional<Uuid> vm, std::string mac, std::string renamed = "", unsigned device = 0) {
  return {.domain = {domain}, .device = device, .renamed = std::move(renamed), .mac = std::move(mac), .vm = std::move(vm)};
}

VifRule disabled(std::string interface) { return {.interface = std::move(interface), .mode = VifMode::disabled}; }
VifRule unlocked(std::string interface) { return {.interface = std::move(interface), .mode = VifMode::unlocked}; }

Wanted wanted(const std::vector<PublishedFamily>& families, const std::vector<BackendVif>& present, DomainId self = {0}) {
  Wanted made = wanted_state(families, Reading::complete, present, self, std::nullopt);
  made.state = network::checked(made.state).value();
  return made;
}

PublishedFamily restricted_original(std::optional<DomainId> domain, std::string backend = "0") {
  Family family = family_with_clone(4, CloneState::running, VifMask{0}, VifMask{1});
  family.vifs[0].backend = backend;
  family.clones[0].vifs[0].backend = backend;
  std::vector<xen::DomainEntry> entries;
  if (domain) entries.push_back({.id = *domain, .uuid = k_original, .name = "pos1"});
  return publication_of(family, domains_with(std::move(entries)));
}

TEST(Wanted, AClonesRuleIsThereBeforeItsInterface) {
  const auto family = publication_of(family_with_clone(4, CloneState::inactive, VifMask{0}, VifMask{0}), domains_with({}));
  const Wanted made = wanted({family}, {});
  EXPECT_EQ(made.state, (FilterState{.rules = {disabled("zc1")}}));
  ASSERT_EQ(made.acknowledge.size(), 1u);
  EXPECT_EQ(made.acknowledge[0].family, k_original);
  EXPECT_EQ(made.acknowledge[0].generation, Generation{4});
}

// Before the hotplug script has renamed it, it has the kernel's name.
TEST(Wanted, ARunningClonesInterfaceHasBothItsNames) {
  const auto family = publication_of(family_with_clone(4, CloneState::running, VifMask{1}, VifMask{0}),
                                     domains_with({{.id = {7}, .uuid = k_clone, .name = "pos1.upgrade-1"}}));
  EXPECT_EQ(wanted({family}, {vif_of(7, k_clone, k_clone_mac, "zc1")}).state, (FilterState{.rules = {disabled("vif7.0"), disabled("zc1")}}));
}

TEST(Wanted, ARestrictedOriginalHoldsUnknownInterfaces) {
  const Wanted made = wanted({restricted_original(DomainId{3})}, {vif_of(3, k_original, k_original_mac)});
  EXPECT_EQ(made.state, (FilterState{.unknown = UnknownVifs::hold, .rules = {disabled("vif3.0"), unlocked("zc1")}}));
}

// One that its administrator has named is no vif*, which would be held: a guest that reboots must not speak before it has been seen.
TEST(Wanted, ANamedOriginalsRuleIsThereBeforeItsInterface) {
  Family named = family_with_clone(4, CloneState::running, VifMask{0}, VifMask{1});
  named.vifs[0].interface = "till-lan";
  const Wanted gone = wanted({publication_of(named, domains_with({}))}, {});
  EXPECT_EQ(gone.state, (FilterState{.unknown = UnknownVifs::hold, .rules = {disabled("till-lan"), unlocked("zc1")}}));
  const auto running = publication_of(named, domains_with({{.id = {3}, .uuid = k_original, .name = "pos1"}}));
  const Wanted here = wanted({running}, {vif_of(3, k_original, k_original_mac, "till-lan")});
  EXPECT_EQ(here.state, (FilterState{.unknown = UnknownVifs::hold, .rules = {disabled("till-lan"), disabled("vif3.0"), unlocked("zc1")}}));
}

TEST(Wanted, NothingIsHeldWhileNoOriginalIsRestricted) {
  const auto family = publication_of(family_with_clone(4, CloneState::running, VifMask{1}, VifMask{0}), domains_with({}));
  EXPECT_EQ(wanted({family}, {vif_of(8, k_stranger, "00:16:3e:00:00:08")}).state.unknown, UnknownVifs::pass);
  // Its effect ends with the clone's being put to rest.
  const auto at_rest = publication_of(family_with_clone(5, CloneState::inactive, VifMask{0}, VifMask{0}), domains_with({}));
  EXPECT_EQ(wanted({at_rest}, {}).state.unknown, UnknownVifs::pass);
}

TEST(Wanted, OtherVmsPassWhileUnknownInterfacesAreHeld) {
  const Wanted made = wanted({restricted_original(DomainId{3})},
                             {vif_of(3, k_original, k_original_mac), vif_of(8, k_stranger, "00:16:3e:00:00:08"),
                              vif_of(9, k_stranger, "00:16:3e:00:00:09", "office0")});
  EXPECT_EQ(made.state.rules, (std::vector<VifRule>{disabled("vif3.0"), unlocked("vif8.0"), unlocked("vif9.0"), unlocked("zc1")}));
}

// The original starts anew: its old domain is published still, or none. Its UUID tells, in domain 0.
TEST(Wanted, AnOriginalThatComesBackIsKnownByItsUuid) {
  for (const auto& published : {std::optional<DomainId>(), std::optional<DomainId>(DomainId{3})}) {
    const Wanted made = wanted({restricted_original(published)}, {vif_of(12, k_original, k_original_mac)});
    EXPECT_NE(std::find(made.state.rules.begin(), made.state.rules.end(), disabled("vif12.0")), made.state.rules.end());
    EXPECT_EQ(made.state.unknown, UnknownVifs::hold);
  }
}

// A driver domain may not ask for UUIDs.
TEST(Wanted, AnOriginalThatComesBackIsKnownByItsMacInADriverDomain) {
  const Wanted made = wanted({restricted_original(std::nullopt, "5")}, {vif_of(12, std::nullopt, k_original_mac), vif_of(13, std::nullopt, "00:16:3e:00:00:08")},
                             DomainId{5});
  EXPECT_EQ(made.state.rules, (std::vector<VifRule>{disabled("vif12.0"), unlocked("vif13.0"), unlocked("zc1")}));
}

TEST(Wanted, WhatCouldBeARestrictedOriginalStaysHeld) {
  PublishedFamily family = restricted_original(std::nullopt, "5");
  for (PublishedMember& member : family.members) {
    if (member.role == protocol::MemberRole::original) member.vifs[0].mac.clear();  // the toolstack chooses one at each start
  }
  const Wanted made = wanted({family}, {vif_of(12, std::nullopt, "00:16:3e:77:77:77"), vif_of(13, std::nullopt, "")}, DomainId{5});
  EXPECT_EQ(made.state, (FilterState{.unknown = UnknownVifs::hold, .rules = {unlocked("zc1")}}));
}

TEST(Wanted, APublishedNameThatIsAnothersByNowIsLeftAlone) {
  const Wanted made = wanted({restricted_original(DomainId{3})}, {vif_of(3, k_stranger, "00:16:3e:00:00:08")});
  EXPECT_EQ(made.state.rules, (std::vector<VifRule>{unlocked("vif3.0"), unlocked("zc1")}));
}

TEST(Wanted, ARenamedOriginalIsFilteredByThatNameToo) {
  const Wanted made = wanted({restricted_original(DomainId{3})}, {vif_of(3, k_original, k_original_mac, "pos1net")});
  EXPECT_EQ(made.state.rules, (std::vector<VifRule>{disabled("pos1net"), disabled("vif3.0"), unlocked("zc1")}));
}

TEST(Wanted, AnInterfaceThatTheFileDoesNotKnowIsAsSilentAsItsMember) {
  const Wanted made = wanted({restricted_original(DomainId{3})}, {vif_of(3, k_original, k_original_mac), vif_of(3, k_original, "00:16:3e:00:00:77", "", 1)});
  EXPECT_EQ(made.state.rules, (std::vector<VifRule>{disabled("vif3.0"), disabled("vif3.1"), unlocked("zc1")}));
}

TEST(Wanted, LocksToTheListedAddressesAndTheInterfacesMac) {
  Family family = family_with_clone(4, CloneState::running, VifMask{1}, VifMask{1});
  family.clones[0].original_allowance = {.mode = VifMode::locked, .ipv4 = {"10.0.0.1"}, .ipv6 = {}};
  family.vifs[0].mac.clear();
  const auto published = publication_of(family, domains_with({{.id = {3}, .uuid = k_original, .name = "pos1"}}));
  const VifRule locked{.interface = "vif3.0", .mode = VifMode::locked, .mac = k_original_mac, .ipv4 = {"10.0.0.1"}, .ipv6 = {}};
  EXPECT_EQ(wanted({published}, {vif_of(3, k_original, k_original_mac)}).state.rules, (std::vector<VifRule>{locked, unlocked("zc1")}));
  // Which MAC is its own is not known before it is there.
  EXPECT_EQ(wanted({published}, {}).state.rules, (std::vector<VifRule>{disabled("vif3.0"), unlocked("zc1")}));
}

TEST(Wanted, OnlyInterfacesOfThisBackendCount) {
  Family family = family_with_clone(4, CloneState::running, VifMask{0}, VifMask{0});
  family.clones[0].vifs[0].backend = "znetdd";
  const auto published = publication_of(family, domains_with({}));
  const Wanted here = wanted({published}, {});
  EXPECT_EQ(here.state, (FilterState{.unknown = UnknownVifs::hold, .rules = {}}));
  EXPECT_EQ(here.acknowledge.size(), 1u);
  const Wanted there = wanted({published}, {}, DomainId{5});
  EXPECT_EQ(there.state, (FilterState{.rules = {disabled("zc1")}}));
  EXPECT_EQ(there.acknowledge.size(), 1u);
  EXPECT_TRUE(wanted({published}, {}, DomainId{6}).acknowledge.empty());
}

TEST(Wanted, FamiliesThatContradictEachOtherAreNotAcknowledged) {
  const auto first = publication_of(family_with_clone(4, CloneState::running, VifMask{1}, VifMask{0}), domains_with({}));
  PublishedFamily second = publication_of(family_with_clone(9, CloneState::running, VifMask{1}, VifMask{1}), domains_with({}));
  second.uuid = k_stranger;
  second.vm = VmName::parse("pos2").value();
  PublishedFamily third = publication_of(family_without_clones(2), domains_with({}));
  third.uuid = Uuid::derived("third");
  const Wanted made = wanted({first, second, third}, {});
  EXPECT_EQ(made.state.rules, std::vector<VifRule>{disabled("zc1")});
  ASSERT_EQ(made.acknowledge.size(), 1u);
  EXPECT_EQ(made.acknowledge[0].family, third.uuid);
  ASSERT_EQ(made.conflicts.size(), 1u);
  EXPECT_EQ(made.conflicts[0].message, "cannot decide about interface 'zc1': families 'pos1' and 'pos2' want different things of it, so it is disabled");
}

TEST(Wanted, WhatIsInForceStaysWhereAFamilyWasRefused) {
  const FilterState before{.unknown = UnknownVifs::hold, .rules = {disabled("zc1"), disabled("zc9"), unlocked("vif8.0")}};
  const auto family = publication_of(family_with_clone(4, CloneState::running, VifMask{1}, VifMask{1}), domains_with({}));
  FilterState made = wanted_state({family}, Reading::some_refused, {}, {0}, before).state;
  made = network::checked(made).value();
  EXPECT_EQ(made, (FilterState{.unknown = UnknownVifs::hold, .rules = {unlocked("vif8.0"), unlocked("zc1"), disabled("zc9")}}));
  made = wanted_state({family}, Reading::complete, {}, {0}, before).state;
  EXPECT_EQ(made, (FilterState{.rules = {unlocked("zc1")}}));
}

PublishedFamily in_production(const Uuid& member, std::vector<xen::DomainEntry> running, protocol::VifMode mode = VifMode::unlocked) {
  Family family = family_with_clone(4, CloneState::running, VifMask{1}, VifMask{1});
  for (CloneVif vif : {CloneVif{.index = 1, .mac = "00:16:3e:00:00:12", .interface = "zc1b"}}) family.clones[0].vifs.push_back(vif);
  family.clones[0].original_allowance = {.mode = mode, .ipv4 = {"192.0.2.1"}, .ipv6 = {}};
  family.production = {.member = member, .generation = 2, .announce = {"192.0.2.1"}};
  return publication_of(family, domains_with(std::move(running)));
}

std::vector<std::string> speaking(const Wanted& made) {
  std::vector<std::string> names;
  for (const ProductionHere& here : made.production) {
    for (const ProductionHere::Interface& interface : here.interfaces) names.push_back(interface.name + " " + interface.mac);
  }
  return names;
}

TEST(Wanted, TheProductionMembersInterfacesAreKnownByTheNamesThatTheyHaveNow) {
  const std::vector<xen::DomainEntry> both{{.id = {3}, .uuid = k_original, .name = "pos1"}, {.id = {7}, .uuid = k_clone, .name = "pos1.upgrade-1"}};
  const std::vector<BackendVif> present{vif_of(3, k_original, k_original_mac), vif_of(7, k_clone, k_clone_mac, "zc1"),
                                        vif_of(7, k_clone, "00:16:3e:00:00:12", "zc1b", 1)};
  const Wanted made = wanted({in_production(k_clone, both)}, present);
  ASSERT_EQ(made.production.size(), 1u);
  EXPECT_EQ(made.production[0].production.generation, 2u);
  EXPECT_EQ(speaking(made), (std::vector<std::string>{"zc1 " + k_clone_mac, "zc1b 00:16:3e:00:00:12"}));
  EXPECT_EQ(speaking(wanted({in_production(k_original, both)}, present)), std::vector<std::string>{"vif3.0 " + k_original_mac});
  EXPECT_TRUE(speaking(wanted({in_production(k_clone, both, VifMode::disabled)}, present)).empty()) << "it may not speak";
  EXPECT_TRUE(speaking(wanted({in_production(k_clone, both)}, present, {5})).empty()) << "it has no interface at this backend";
  EXPECT_TRUE(speaking(wanted({in_production(k_clone, {})}, {})).empty()) << "it does not run";
}

// A family that cannot be read keeps its rules also while another holds unknown interfaces, and lets those of no family pass.
TEST(Wanted, ARefusedFamilysRulesAreNoStrangers) {
  const FilterState before{.unknown = UnknownVifs::hold, .rules = {disabled("vif8.0"), unlocked("vif9.0")}};
  const Wanted made = wanted_state({restricted_original(DomainId{3})}, Reading::some_refused,
                                   {vif_of(3, k_original, k_original_mac), vif_of(8, k_stranger, "00:16:3e:00:00:08"),
                                    vif_of(10, Uuid::derived("another"), "00:16:3e:00:00:0a")},
                                   {0}, before);
  const FilterState state = network::checked(made.state).value();
  const auto mode_of = [&](const std::string& name) -> std::optional<VifMode> {
    for (const VifRule& rule : state.rules) {
      if (rule.interface == name) return rule.mode;
    }
    return std::nullopt;
  };
  EXPECT_EQ(mode_of("vif8.0"), VifMode::disabled);
  EXPECT_EQ(mode_of("vif9.0"), VifMode::unlocked);
  EXPECT_EQ(mode_of("vif10.0"), VifMode::unlocked);
}

PublishedFamily isolated_family(CloneState state, std::optional<DomainId> domain) {
  std::vector<xen::DomainEntry> entries;
  if (domain) entries.push_back({.id = *domain, .uuid = k_clone, .name = "pos1.upgrade-1"});
  return publication_of(family_with_isolated_clone(4, state), domains_with(std::move(entries)));
}

TEST(Wanted, AnIsolatedClonesBridgeIsThereBeforeItsInterface) {
  const Wanted made = wanted({isolated_family(CloneState::running, std::nullopt)}, {});
  EXPECT_EQ(made.state.rules, (std::vector<VifRule>{{.interface = "zc1", .mode = VifMode::unlocked, .reach = network::Reach::isolated}}));
  ASSERT_EQ(made.bridges.size(), 1u);
  EXPECT_EQ(made.bridges[0].isolated, isolated_bridge(k_original));
  EXPECT_EQ(made.bridges[0].members, std::set<std::string>{"zc1"});
  EXPECT_TRUE(made.bridges[0].placements.empty());
  for (const CloneState state : {CloneState::inactive, CloneState::creating, CloneState::removing}) {
    EXPECT_TRUE(wanted({isolated_family(state, std::nullopt)}, {}).bridges.empty());
  }
  EXPECT_EQ(wanted({isolated_family(CloneState::inactive, DomainId{7})}, {}).bridges.size(), 1u) << "its domain is still there";
  EXPECT_EQ(wanted({isolated_family(CloneState::active, std::nullopt)}, {}).bridges.size(), 1u) << "its guest may be rebooting";
  EXPECT_TRUE(wanted({isolated_family(CloneState::running, std::nullopt)}, {}, {5}).bridges.empty()) << "not its backend";
}

// Its script has put it somewhere, and is not to be disturbed before.
TEST(Wanted, AnIsolatedInterfaceIsPlacedOnceItIsSetUp) {
  BackendVif vif = vif_of(7, k_clone, k_clone_mac, "zc1");
  const auto family = isolated_family(CloneState::running, DomainId{7});
  EXPECT_TRUE(wanted({family}, {vif}).bridges[0].placements.empty());
  vif.is_set_up = true;
  const Wanted made = wanted({family}, {vif});
  ASSERT_EQ(made.bridges[0].placements.size(), 1u);
  EXPECT_EQ(made.bridges[0].placements[0].interface, "zc1");
  EXPECT_EQ(made.bridges[0].placements[0].bridge, isolated_bridge(k_original));
}

// Somebody attached another one by hand.
TEST(Wanted, AnIsolatedClonesUnknownInterfaceIsSilent) {
  const Wanted made = wanted({isolated_family(CloneState::running, DomainId{7})}, {vif_of(7, k_clone, k_clone_mac, "zc1"), vif_of(7, k_clone, "00:16:3e:00:00:07", "", 1)});
  EXPECT_NE(std::find(made.state.rules.begin(), made.state.rules.end(), disabled("vif7.1")), made.state.rules.end());
}

}  // namespace
}  // namespace zynclone::broker::monitors
