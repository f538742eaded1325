#include "host-broker/monitors/publication.hpp"

#include "tests/host-broker/monitors/lockdown_world.hpp"

namespace zynclone::broker::monitors {
namespace {

using protocol::CloneState;
using protocol::VifMode;

const Domains k_domains({{.id = {0}, .uuid = {}, .name = "Domain-0"},
                         {.id = {3}, .uuid = k_original, .name = "pos1"},
                         {.id = {5}, .uuid = Uuid::derived("driver"), .name = "znetdd"}});

TEST(Publication, SaysWhatLockdownMeansForEachMember) {
  Family family = family_with_clone(4, CloneState::running, VifMask{0}, VifMask{1});
  family.clones[0].clone_allowance = {.mode = VifMode::locked, .ipv4 = {"10.0.0.1", "10.0.0.2"}, .ipv6 = {"fe80::1"}};
  family.clones[0].vifs[0].backend = "znetdd";
  const Nodes nodes = nodes_of(publication_of(family, k_domains));
  const std::string original = "member/" + k_original.text();
  const std::string clone = "member/" + k_clone.text();
  const Nodes expected{{"", ""},
                       {"vm", "pos1"},
                       {"generation", "4"},
                       {"production", k_original.text()},
                       {"production_generation", "0"},
                       {"announce", ""},
                       {"backends", "0 5"},
                       {"member", ""},
                       {original, ""},
                       {original + "/name", "pos1"},
                       {original + "/role", "original"},
                       {original + "/state", "running"},
                       {original + "/domid", "3"},
                       {original + "/vm_generation_id", k_original.text()},
                       {original + "/vif", ""},
                       {original + "/vif/0", ""},
                       {original + "/vif/0/interface", "vif3.0"},
                       {original + "/vif/0/backend", "0"},
                       {original + "/vif/0/mac", k_original_mac},
                       {original + "/vif/0/mode", "disabled"},
                       {original + "/vif/0/ipv4", ""},
                       {original + "/vif/0/ipv6", ""},
                       {original + "/vif/0/bridge", ""},
                       {clone, ""},
                       {clone + "/name", "upgrade-1"},
                       {clone + "/role", "clone"},
                       {clone + "/state", "running"},
                       {clone + "/vm_generation_id", k_clone.text()},
                       {clone + "/vif", ""},
                       {clone + "/vif/0", ""},
                       {clone + "/vif/0/interface", "zc1"},
                       {clone + "/vif/0/backend", "5"},
                       {clone + "/vif/0/mac", k_clone_mac},
                       {clone + "/vif/0/mode", "locked"},
                       {clone + "/vif/0/ipv4", "10.0.0.1,10.0.0.2"},
                       {clone + "/vif/0/ipv6", "fe80::1"},
                       {clone + "/vif/0/bridge", ""}};
  EXPECT_EQ(nodes, expected);
}

TEST(Publication, ReadsItselfBack) {
  Family family = family_with_clone(4, CloneState::active, VifMask{1}, VifMask{1});
  family.clones[0].original_allowance = {.mode = VifMode::locked, .ipv4 = {"10.0.0.1"}, .ipv6 = {"2001:db8::1", "fe80::1"}};
  family.vifs.push_back({.index = 10, .mac = "", .bridge = "xenbr0", .backend = "nobody", .interface = ""});
  family.vifs.push_back({.index = 2, .mac = "", .bridge = "xenbr0", .backend = "5", .interface = "pos1b"});
  family.production = {.member = k_clone, .generation = 7, .announce = {"10.0.0.1", "2001:db8::1"}};
  const PublishedFamily published = publication_of(family, k_domains);
  const auto back = parse_published(k_original.text(), nodes_of(published));
  ASSERT_OK(back);
  EXPECT_EQ(back.value(), published);
}

TEST(Publication, ACopyOfAVmHasAGenerationOfItsOwn) {
  Family family = family_with_clone(4, CloneState::running, VifMask{1}, VifMask{1});
  family.clones[0].generation_id = Uuid::derived("generation of an operation");
  const PublishedFamily published = publication_of(family, k_domains);
  for (const PublishedMember& member : published.members) {
    const std::string wanted = member.uuid == k_clone ? family.clones[0].generation_id.text() : k_original.text();
    EXPECT_EQ(frontend_nodes(published, member).at("vm_generation_id"), wanted);
  }
}

TEST(Publication, SaysWhereProductionIs) {
  Family family = family_with_clone(9, CloneState::running, VifMask{1}, VifMask{0});
  family.production = {.member = k_clone, .generation = 3, .announce = {"10.0.0.1", "2001:db8::1"}};
  PublishedFamily published = publication_of(family, k_domains);
  Nodes nodes = nodes_of(published);
  EXPECT_EQ(nodes["production"], k_clone.text());
  EXPECT_EQ(nodes["production_generation"], "3");
  EXPECT_EQ(nodes["announce"], "10.0.0.1,2001:db8::1");
  EXPECT_EQ(nodes["member/" + k_clone.text() + "/vif/0/mode"], "unlocked");
  EXPECT_EQ(nodes["member/" + k_original.text() + "/vif/0/mode"], "disabled");
  for (const PublishedMember& member : published.members) {
    EXPECT_EQ(frontend_nodes(published, member).at("production"), member.uuid == k_clone ? "1" : "0");
  }

  family.production.member.reset();
  published = publication_of(family, k_domains);
  EXPECT_EQ(nodes_of(published).at("production"), "") << "the moment of a cutover";
  for (const PublishedMember& member : published.members) EXPECT_EQ(frontend_nodes(published, member).at("production"), "0");
}

// A driver domain may be newer than the control domain.
TEST(ParsePublished, OfAVersionThatKnowsNoCutovers) {
  Nodes nodes = nodes_of(publication_of(family_without_clones(1), k_domains));
  for (const char* name : {"production", "production_generation", "announce"}) nodes.erase(name);
  const auto parsed = parse_published(k_original.text(), nodes);
  ASSERT_OK(parsed);
  EXPECT_EQ(parsed.value().production, (PublishedProduction{.member = k_original, .generation = 0, .announce = {}}));
}

TEST(Publication, ADomainThatDoesNotRunIsNoBackend) {
  Family family = family_without_clones(1);
  family.vifs[0].backend = "nobody";
  const PublishedFamily published = publication_of(family, k_domains);
  EXPECT_TRUE(published.backends.empty());
  EXPECT_EQ(published.members[0].vifs[0].backend, std::nullopt);
}

TEST(Publication, DomainZeroAnswersForAFamilyWithNoInterface) {
  Family family = family_without_clones(1);
  family.vifs.clear();
  EXPECT_EQ(publication_of(family, k_domains).backends, std::set<DomainId>{DomainId{0}});
}

TEST(Publication, TheNewestDomainOfAVmCounts) {
  const Domains two({{.id = {3}, .uuid = k_original, .name = "pos1"}, {.id = {9}, .uuid = k_original, .name = "pos1"}});
  EXPECT_EQ(publication_of(family_without_clones(1), two).members[0].domain, DomainId{9});
}

// Each is refused as a whole, and the error says where.
TEST(ParsePublished, RefusesHostileContent) {
  using namespace std::string_literals;
  const Nodes good = nodes_of(publication_of(family_with_clone(4, CloneState::running, VifMask{1}, VifMask{1}), k_domains));
  ASSERT_OK(parse_published(k_original.text(), good));
  const std::string vif = "member/" + k_clone.text() + "/vif/0/";
  const std::string member = "member/" + k_clone.text() + "/";
  const std::pair<std::string, std::string> cases[] = {
      {"generation", ""}, {"generation", "-1"}, {"generation", "4 "}, {"generation", "0x4"}, {"generation", "04"}, {"generation", "99999999999999999999"},
      {"vm", ""}, {"vm", "../pos1"}, {"vm", "pos1\n"}, {"backends", "0,5"}, {"backends", "0 -1"}, {"backends", "40000"}, {"backends", "0  5"},
      {"production", "pos1"}, {"production", "22222222"}, {"production_generation", ""}, {"production_generation", "-1"}, {"production_generation", "1.5"},
      {"announce", "10.0.0.1,"}, {"announce", "10.0.0.0/8"}, {"announce", "::"}, {"announce", "10.0.0.1 10.0.0.2"},
      {member + "name", "a b"}, {member + "name", ""}, {member + "role", "king"}, {member + "domid", ""}, {member + "domid", "32752"}, {member + "domid", "7x"},
      {vif + "interface", "vif*"}, {vif + "interface", "x\"; flush ruleset"}, {vif + "interface", "sixteen-letters-"}, {vif + "interface", "zc1\0"s},
      {vif + "mode", "open"}, {vif + "mode", ""}, {vif + "mode", "Unlocked"}, {vif + "mac", "00:16:3e"}, {vif + "mac", "00:16:3e:00:00:0g"},
      {vif + "ipv4", "10.0.0.1,"}, {vif + "ipv4", "10.0.0.0/8"}, {vif + "ipv4", ",10.0.0.1"}, {vif + "ipv4", "10.0.0.1 10.0.0.2"},
      {vif + "bridge", "a b"}, {vif + "bridge", "../x"}, {vif + "bridge", isolated_bridge(k_clone)}, {vif + "ipv6", "::"}, {vif + "ipv6", "fe80::1%vif"}, {vif + "backend", "znetdd"}, {vif + "backend", "-0"},
      {"member", "1"}, {member + "vif", "1"}};  // with a value, what is below them is not read
  for (const auto& [path, value] : cases) {
    Nodes nodes = good;
    nodes[path] = value;
    const auto parsed = parse_published(k_original.text(), nodes);
    ASSERT_FAILS(parsed, Errc::malformed) << path << " = " << value;
    EXPECT_EQ(parsed.error().place, "/zynclone/family/" + k_original.text() + "/" + path);
  }
  for (const std::string& path : {"generation"s, "vm"s, "backends"s, "production"s, "production_generation"s, "announce"s, member + "name", member + "role", vif + "interface", vif + "mode", vif + "mac", vif + "ipv4", vif + "ipv6", vif + "backend"}) {
    Nodes nodes = good;
    nodes.erase(path);
    EXPECT_FAILS(parse_published(k_original.text(), nodes), Errc::malformed) << path;
  }
  for (const std::string& index : {"00"s, "-1"s, "256"s, "0x0"s, "a"s, " 0"s}) {
    Nodes nodes = good;
    put_below(nodes, member + "vif/" + index, below(good, member + "vif/0"));
    EXPECT_FAILS(parse_published(k_original.text(), nodes), Errc::malformed) << index;
  }
  Nodes nodes = good;
  put_below(nodes, "member/not-a-uuid", below(good, "member/" + k_clone.text()));
  EXPECT_FAILS(parse_published(k_original.text(), nodes), Errc::malformed);
  EXPECT_FAILS(parse_published("not-a-uuid", good), Errc::invalid_argument);
  nodes = good;
  nodes[vif + "ipv4"] = "10.0.0.1";
  for (int more = 0; more < 64; ++more) nodes[vif + "ipv4"] += ",10.0.0.1";
  EXPECT_FAILS(parse_published(k_original.text(), nodes), Errc::malformed);
}

TEST(ParsePublished, DoesNotMindWhatItDoesNotKnow) {
  const PublishedFamily published = publication_of(family_without_clones(1), k_domains);
  Nodes nodes = nodes_of(published);
  nodes["console"] = "";
  nodes["console/port"] = "5900";
  EXPECT_EQ(parse_published(k_original.text(), nodes).value(), published);
}

TEST(ParseGeneration, TakesDigitsOnly) {
  EXPECT_EQ(xen::parse_generation("18446744073709551615"), Generation{18446744073709551615ull});
  for (const char* text : {"", " 1", "1 ", "+1", "-1", "1.0", "01", "18446744073709551616", "1\n"}) EXPECT_EQ(xen::parse_generation(text), std::nullopt) << text;
}

TEST(Publication, AnIsolatedCloneHasItsBridgeUntilItHasProduction) {
  Family family = family_with_isolated_clone(4);
  const auto vif = [&] { return publication_of(family, Domains({{.id = {0}, .uuid = {}, .name = "Domain-0"}})).members[1].vifs[0]; };
  EXPECT_EQ(vif().bridge, isolated_bridge(k_original));
  EXPECT_EQ(vif().mode, protocol::VifMode::unlocked) << "its mask is 0, and does not count there";
  family.production = {.member = std::nullopt, .generation = 1, .announce = {}};
  EXPECT_EQ(vif().bridge, isolated_bridge(k_original)) << "in the middle of a cutover";
  family.production = {.member = k_clone, .generation = 2, .announce = {}};
  EXPECT_EQ(vif().bridge, "br0");
  const auto published = publication_of(family, Domains({{.id = {0}, .uuid = {}, .name = "Domain-0"}}));
  EXPECT_EQ(parse_published(k_original.text(), nodes_of(published)).value(), published);
}

TEST(Publication, AnOlderOneNamesNoBridge) {
  const auto published = publication_of(family_with_clone(4, protocol::CloneState::running, VifMask{1}, VifMask{0}), Domains({{.id = {0}, .uuid = {}, .name = "Domain-0"}}));
  Nodes nodes = nodes_of(published);
  std::erase_if(nodes, [](const auto& node) { return node.first.ends_with("/bridge"); });
  EXPECT_EQ(parse_published(k_original.text(), nodes).value(), published);
}

}  // namespace
}  // namespace zynclone::broker::monitors
