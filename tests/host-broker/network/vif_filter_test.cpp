// Checked states, and both ways in which they are written down.

#include "host-broker/network/vif_filter.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "host-broker/network/nft_ingress.hpp"
#include "host-broker/network/nft_text.hpp"
#include "host-broker/network/pretended_filter.hpp"
#include "system/file.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/run.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::broker::network {
namespace {

using protocol::VifMode;

FilterState example() {
  return {.unknown = UnknownVifs::hold,
          .rules = {{.interface = "vif7.0",
                     .mode = VifMode::locked,
                     .mac = "00:16:3E:00:00:01",
                     .ipv4 = {"10.0.0.2", "10.0.0.1", "0.0.0.0", "10.0.0.1"},
                     .ipv6 = {"FE80:0::1", "64:ff9b::1"}},
                    {.interface = "a-long_name.12", .mode = VifMode::disabled},
                    {.interface = "zc1", .mode = VifMode::unlocked, .mac = "not looked at", .ipv4 = {"nor this"}}}};
}

VifRule isolated(std::string interface) {
  return {.interface = std::move(interface), .mode = VifMode::unlocked, .reach = Reach::isolated};
}

// With ZYNCLONE_WRITE_GOLDEN set, the files are made anew: look at what changed in them.
void expect_golden(const std::string& name, const std::string& text) {
  const std::string file = std::string(TEST_SOURCE_DIR) + "/tests/host-broker/network/golden/" + name;
  if (std::getenv("ZYNCLONE_WRITE_GOLDEN") != nullptr) {
    ASSERT_OK(write_file_whole(file, text, 0644));
  }
  const auto expected = read_file(file, 1 << 20);
  ASSERT_OK(expected);
  EXPECT_EQ(text, expected.value());
}

TEST(Checked, PutsEverythingInOneOrderAndSpelling) {
  const auto state = checked(example());
  ASSERT_OK(state);
  const FilterState expected{
      .unknown = UnknownVifs::hold,
      .rules = {{.interface = "a-long_name.12", .mode = VifMode::disabled},
                {.interface = "vif7.0",
                 .mode = VifMode::locked,
                 .mac = "00:16:3e:00:00:01",
                 .ipv4 = {"0.0.0.0", "10.0.0.1", "10.0.0.2"},
                 .ipv6 = {"64:ff9b::1", "fe80::1"}},
                {.interface = "zc1", .mode = VifMode::unlocked}}};
  EXPECT_EQ(state.value(), expected);
  EXPECT_EQ(checked(state.value()).value(), expected);
}

TEST(Checked, RefusesNamesThatCouldMeanSomethingElse) {
  using namespace std::string_literals;
  for (const std::string& name : {""s, "vif*"s, "vif7.0 "s, "vif\""s, "-vif"s, ".."s, "a/b"s, "sixteen-letters."s, "a\0b"s, "vif7.0\n"s, "{"s, "$x"s, "vif7.0-emu"s, "\xc3\xa9"s}) {
    EXPECT_FAILS(checked({.rules = {{.interface = name}}}), Errc::invalid_argument) << name;
  }
  EXPECT_OK(checked({.rules = {{.interface = "fifteen-letters"}}}));
}

TEST(Checked, RefusesWhatIsNoAddress) {
  const auto with = [](std::string mac, std::vector<std::string> ipv4, std::vector<std::string> ipv6) {
    return checked({.rules = {{.interface = "zc1", .mode = VifMode::locked, .mac = std::move(mac), .ipv4 = std::move(ipv4), .ipv6 = std::move(ipv6)}}});
  };
  EXPECT_OK(with("00:16:3e:00:00:01", {"10.0.0.1"}, {"fe80::1"}));
  EXPECT_FAILS(with("", {}, {}), Errc::invalid_argument);
  EXPECT_FAILS(with("00:16:3e:00:00", {}, {}), Errc::invalid_argument);
  for (const char* address : {"", "10.0.0", "10.0.0.256", "10.0.0.0/8", "fe80::1", "10.0.0.1 ", "any", "10.0.0.1, 10.0.0.2"}) {
    EXPECT_FAILS(with("00:16:3e:00:00:01", {address}, {}), Errc::invalid_argument) << address;
  }
  for (const char* address : {"", "::", "0::0", "fe80::1%eth0", "fe80::/64", "10.0.0.1", "fe80::1\n"}) {
    EXPECT_FAILS(with("00:16:3e:00:00:01", {}, {address}), Errc::invalid_argument) << address;
  }
  EXPECT_FAILS(with("00:16:3e:00:00:01", std::vector<std::string>(65, "10.0.0.1"), {}), Errc::limit_exceeded);
}

TEST(Checked, AnIsolatedInterfaceIsUnlockedOrDisabled) {
  EXPECT_EQ(checked({.rules = {isolated("zc1")}}).value().rules.front(), isolated("zc1"));
  EXPECT_EQ(checked({.rules = {{.interface = "zc1", .mode = VifMode::disabled, .reach = Reach::isolated}}}).value().rules.front().reach, Reach::everywhere);
  EXPECT_FAILS(checked({.rules = {{.interface = "zc1", .mode = VifMode::locked, .mac = "00:16:3e:00:00:01", .reach = Reach::isolated}}}), Errc::invalid_argument);
  EXPECT_FALSE(may_receive({.rules = {isolated("zc1")}}, "zc1")) << "nothing of a real bridge";
}

TEST(NftText, MakesTheGoldenTableOfIsolatedInterfaces) {
  expect_golden("isolated.nft", table_text(checked({.rules = {isolated("zc1"), isolated("zc2")}}).value()));
}

TEST(Checked, RefusesAnInterfaceNamedTwice) {
  const auto state = checked({.rules = {{.interface = "zc1"}, {.interface = "zc2"}, {.interface = "zc1", .mode = VifMode::unlocked}}});
  ASSERT_FAILS(state, Errc::invalid_argument);
  EXPECT_EQ(state.error().message, "cannot filter interface 'zc1': it is named twice");
}

TEST(NftText, MakesTheGoldenTable) {
  expect_golden("example.nft", table_text(checked(example()).value()));
  expect_golden("empty.nft", table_text({}));
}

TEST(NftText, MakesTheGoldenTransaction) {
  const FilterState state{.rules = {{.interface = "zc1", .mode = VifMode::disabled}}};
  expect_golden("transaction.nft", transaction_text(state, Replace::contents));
  expect_golden("transaction-afresh.nft", transaction_text(state, Replace::afresh));
}

TEST(NftText, ReadsItsTablesBack) {
  const FilterState states[] = {
      {},
      {.unknown = UnknownVifs::hold},
      checked(example()).value(),
      {.rules = {{.interface = "vif7.0", .mode = VifMode::disabled}, {.interface = "vif7.1", .mode = VifMode::unlocked}}},
      {.rules = {{.interface = "zc1", .mode = VifMode::locked, .mac = "00:16:3e:00:00:01"}}},
      {.rules = {isolated("zc1"), {.interface = "zc2", .mode = VifMode::unlocked}}},
  };
  for (const FilterState& state : states) EXPECT_EQ(state_of_table(table_text(state)), state);
}

// As nft does: other breaks of lines, the kernel's order of elements.
TEST(NftText, ReadsATableInAnotherLayout) {
  const FilterState state{.rules = {{.interface = "a", .mode = VifMode::disabled}, {.interface = "b", .mode = VifMode::disabled}}};
  std::string text = table_text(state);
  for (const auto& [was, is] : std::initializer_list<std::pair<std::string, std::string>>{
           {"{ \"a\" : drop,\n\t\t\t     \"a-emu\" : drop,\n\t\t\t     \"b\" : drop,\n\t\t\t     \"b-emu\" : drop }",
            "{ \"b\" : drop, \"a-emu\" : drop,\n \"b-emu\" : drop,\n\"a\" : drop }"},
           {"policy accept;", "policy accept"}}) {
    ASSERT_NE(text.find(was), std::string::npos);
    text.replace(text.find(was), was.size(), is);
  }
  EXPECT_EQ(state_of_table(text), state);
}

TEST(NftText, ReadsNothingFromATableThatNoStateMakes) {
  const std::string whole = table_text(checked(example()).value());
  ASSERT_TRUE(state_of_table(whole).has_value());
  const auto without = [&](const std::string& part, const std::string& instead = "") {
    std::string text = whole;
    EXPECT_NE(text.find(part), std::string::npos) << part;
    return text.replace(text.find(part), part.size(), instead);
  };
  EXPECT_EQ(state_of_table(""), std::nullopt);
  EXPECT_EQ(state_of_table("table bridge zynclone {\n}\n"), std::nullopt);
  EXPECT_EQ(state_of_table(without("\t\toifname \"vif*\" drop\n")), std::nullopt);
  EXPECT_EQ(state_of_table(without("\"vif7.0-emu\" : goto from_locked", "\"vif7.0-emu\" : accept")), std::nullopt);
  EXPECT_EQ(state_of_table(without("\"zc1\" : accept,\n", "")), std::nullopt);
  EXPECT_EQ(state_of_table(without("policy accept", "policy drop")), std::nullopt);
  EXPECT_EQ(state_of_table(without("\t\ticmpv6 type 136 iifname . @th,64,128 != @neighbour drop\n")), std::nullopt);
  EXPECT_EQ(state_of_table(without("priority -1000", "priority 1000")), std::nullopt);
  EXPECT_EQ(state_of_table(whole + whole), std::nullopt);
  // Cut anywhere, it is read as nothing, and without harm.
  for (std::size_t length = 0; length + 2 < whole.size(); ++length) EXPECT_EQ(state_of_table(whole.substr(0, length)), std::nullopt) << length;
}

TEST(NftIngress, GuardsWhatIsThereAndRestricted) {
  const FilterState state = checked(example()).value();  // vif7.0 locked, a-long_name.12 disabled, zc1 unlocked, others held
  const Guarded guarded = guarded_interfaces(state, {"lo", "eth0", "zc1", "zc1-emu", "vif7.0", "vif7.0-emu", "vif9.0", "vif9.0-emu"});
  EXPECT_EQ(guarded, (Guarded{{"vif7.0", VifMode::locked}, {"vif7.0-emu", VifMode::locked}, {"vif9.0", VifMode::disabled}, {"vif9.0-emu", VifMode::disabled}}));
  expect_golden("ingress.nft", ingress_text(guarded));
  EXPECT_TRUE(is_ingress_table(ingress_text(guarded), guarded));
  EXPECT_FALSE(is_ingress_table(ingress_text(guarded), {}));
  EXPECT_FALSE(is_ingress_table("", guarded));
  EXPECT_TRUE(is_ingress_table("", {}));
  EXPECT_EQ(guarded_interfaces({}, {"vif9.0", "zc1"}), Guarded{});
}

TEST(PretendedFilter, KeepsItsStateInAFile) {
  tests::TemporaryFolder folder;
  PretendedFilter filter(folder / "filter");
  EXPECT_EQ(filter.in_force().value(), std::nullopt);
  ASSERT_OK(filter.apply(example()));
  EXPECT_EQ(filter.in_force().value(), checked(example()).value());
  EXPECT_EQ(folder.read("filter"),
            "unknown hold\n"
            "a-long_name.12 disabled - - -\n"
            "vif7.0 locked 00:16:3e:00:00:01 0.0.0.0,10.0.0.1,10.0.0.2 64:ff9b::1,fe80::1\n"
            "zc1 unlocked - - -\n");
  EXPECT_EQ(PretendedFilter(folder / "filter").in_force().value(), checked(example()).value());
}

TEST(PretendedFilter, RefusesWhatIsNoStateAndKeepsWhatWas) {
  tests::TemporaryFolder folder;
  PretendedFilter filter(folder / "filter");
  ASSERT_OK(filter.apply(example()));
  EXPECT_FAILS(filter.apply({.rules = {{.interface = "a b"}}}), Errc::invalid_argument);
  EXPECT_EQ(filter.in_force().value(), checked(example()).value());
}

TEST(PretendedFilter, HoldsNothingInAFileThatSomeoneChanged) {
  tests::TemporaryFolder folder;
  PretendedFilter filter(folder / "filter");
  for (const char* text : {"", "unknown maybe\n", "unknown pass\nzc1\n", "unknown pass\nzc1 open - - -\n", "unknown pass\nzc1 disabled - - -",
                           "unknown pass\nzc1 locked - - -\n", "zc1 disabled - - -\n", "unknown pass\nzc1 disabled - 10.0.0.1 -\n"}) {
    folder.write("filter", text);
    EXPECT_EQ(filter.in_force().value(), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace zynclone::broker::network
