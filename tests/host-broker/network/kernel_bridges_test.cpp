// Bridges of isolated networks in the kernel itself, with and without the filter.

#include "host-broker/network/kernel_bridges.hpp"

#include <gtest/gtest.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <fstream>

#include "host-broker/network/bridge_ports.hpp"
#include "host-broker/network/pretended_bridges.hpp"
#include "host-broker/ports/family.hpp"
#include "tests/host-broker/network/filter_lab_test.hpp"
#include "tests/support/temporary_folder.hpp"
#include "system/file.hpp"

namespace zynclone::broker::network {
namespace {

using protocol::VifMode;
using namespace tests;

const std::string k_bridge = isolated_bridge(Uuid::derived("pos1"));
const std::string k_other = isolated_bridge(Uuid::derived("pos2"));
using Done = std::vector<std::string>;

TEST(IsolatedBridge, ItsNameFollowsFromTheFamilyAndFitsTheKernel) {
  EXPECT_TRUE(is_isolated_bridge(k_bridge)) << k_bridge;
  EXPECT_LE(k_bridge.size(), 15u);
  EXPECT_NE(k_bridge, k_other);
  EXPECT_EQ(k_bridge, isolated_bridge(Uuid::derived("pos1")));
  for (const char* name : {"", "zci-", "zci-123456789", "zci-12345678901", "zci-123456789g", "zci-123456789A", "xenbr0", "xzci-1234567890"}) {
    EXPECT_FALSE(is_isolated_bridge(name)) << name;
  }
}

class KernelBridgesTest : public FilterLabTest {
 protected:
  void TearDown() override {
    const bool was_run = lab != nullptr;
    FilterLabTest::TearDown();
    if (!was_run) return;
    EXPECT_OK(bridges.tidy({}));
    EXPECT_EQ(::if_nametoindex(k_bridge.c_str()), 0u) << "left by the test";
  }
  static std::string bridge_of(const std::string& interface) {
    const auto ports = bridge_ports();
    if (!ports) return "?";
    for (const BridgePort& port : ports.value()) {
      std::array<char, IF_NAMESIZE> name{};
      if (port.name == interface) return ::if_indextoname(static_cast<unsigned>(port.bridge), name.data());
    }
    return "";
  }
  void apply(std::vector<VifRule> rules) { FilterLabTest::apply({.rules = std::move(rules)}); }
  static VifRule isolated(std::string interface) { return {.interface = std::move(interface), .mode = VifMode::unlocked, .reach = Reach::isolated}; }

  KernelBridges bridges;
};

TEST_F(KernelBridgesTest, MakesABridgeWithoutAddressesOnce) {
  // As a host that would give itself one.
  std::ofstream("/proc/sys/net/ipv6/conf/default/disable_ipv6") << "0";
  ASSERT_OK(bridges.make(k_bridge));
  const unsigned index = ::if_nametoindex(k_bridge.c_str());
  ASSERT_NE(index, 0u);
  ASSERT_OK(bridges.make(k_bridge));
  EXPECT_EQ(::if_nametoindex(k_bridge.c_str()), index);
  BridgeLab::run({"ip", "link", "set", k_bridge, "down"});
  ASSERT_OK(bridges.make(k_bridge)) << "one that was left half made";
  lab->add_guest("zc1");
  ASSERT_OK(bridges.place({{.interface = "zc1", .bridge = k_bridge}}));
  std::ofstream("/proc/sys/net/ipv6/conf/default/disable_ipv6") << "1";
  EXPECT_EQ(read_file("/proc/net/if_inet6", 1 << 20).value().find(k_bridge), std::string::npos) << "no link-local address";
}

TEST_F(KernelBridgesTest, SomethingElseOfTheNameIsRefused) {
  BridgeLab::run({"ip", "link", "add", k_bridge, "type", "veth", "peer", "name", "other-end"});
  const auto made = bridges.make(k_bridge);
  ASSERT_FAILS(made, Errc::conflict);
  EXPECT_EQ(made.error().message, "cannot make bridge '" + k_bridge + "': an interface of this name is there, and is no bridge");
  BridgeLab::run({"ip", "link", "del", k_bridge});
}

TEST_F(KernelBridgesTest, MovesInterfacesAndTheirTwins) {
  lab->add_guest("zc1");
  lab->add_guest("zc1-emu");
  EXPECT_FAILS(bridges.place({{.interface = "zc1", .bridge = k_bridge}}), Errc::not_found);
  EXPECT_EQ(bridge_of("zc1"), "br0");
  ASSERT_OK(bridges.make(k_bridge));
  EXPECT_EQ(bridges.place({{.interface = "zc1", .bridge = k_bridge}, {.interface = "gone", .bridge = "nowhere"}}).value(),
            (Done{"interface zc1: from br0 to " + k_bridge, "interface zc1-emu: from br0 to " + k_bridge}));
  EXPECT_EQ(bridge_of("zc1"), k_bridge);
  EXPECT_EQ(bridge_of("zc1-emu"), k_bridge);
  EXPECT_EQ(bridges.place({{.interface = "zc1", .bridge = k_bridge}}).value(), Done{}) << "it stands there";
  // One that lost its bridge in the middle of a move.
  BridgeLab::run({"ip", "link", "set", "zc1", "nomaster"});
  EXPECT_EQ(bridges.place({{.interface = "zc1", .bridge = "br0"}}).value(),
            (Done{"interface zc1: from no bridge to br0", "interface zc1-emu: from " + k_bridge + " to br0"}));
}

TEST_F(KernelBridgesTest, TakesStrangersOutAndRemovesWhatNobodyNeeds) {
  lab->add_guest("zc1");
  lab->add_guest("eth9");
  ASSERT_OK(bridges.make(k_bridge));
  ASSERT_OK(bridges.make(k_other));
  ASSERT_OK(bridges.place({{.interface = "zc1", .bridge = k_bridge}, {.interface = "eth9", .bridge = k_bridge}}));
  EXPECT_EQ(bridges.tidy({{k_bridge, {"zc1"}}}).value().size(), 2u);
  EXPECT_EQ(bridge_of("zc1"), k_bridge);
  EXPECT_EQ(bridge_of("eth9"), "");
  EXPECT_EQ(::if_nametoindex(k_other.c_str()), 0u);
  // While an interface is still there, its domain may be on its way out.
  EXPECT_EQ(bridges.tidy({}).value(), Done{});
  EXPECT_NE(::if_nametoindex(k_bridge.c_str()), 0u);
  lab->remove_guest("zc1");
  EXPECT_EQ(bridges.tidy({}).value(), (Done{"removed bridge " + k_bridge + ": no isolated clone needs it"}));
  EXPECT_NE(::if_nametoindex("br0"), 0u);
}

TEST_F(KernelBridgesTest, ClonesReachEachOtherAndNobodyElse) {
  Tap& one = lab->add_guest("zc1");
  Tap& two = lab->add_guest("zc2");
  Tap& original = lab->add_guest("vif3.0");
  apply({isolated("zc1"), isolated("zc2"), {.interface = "vif3.0", .mode = VifMode::unlocked}});
  const auto frame = udp4({.source = "00:16:3e:00:00:01"}, {.source = "10.0.0.1", .destination = "10.0.0.255"});
  // Not moved yet, or moved back by somebody: on the real bridge they are silent and deaf to all others.
  for (Tap* other : {&original, &lab->lan(), &lab->host()}) EXPECT_FALSE(lab->passes(one, *other, frame));
  for (Tap* other : {&original, &lab->lan(), &lab->host()}) EXPECT_FALSE(lab->passes(*other, one, frame));
  EXPECT_TRUE(lab->passes(original, lab->lan(), frame));

  ASSERT_OK(bridges.make(k_bridge));
  ASSERT_OK(bridges.place({{.interface = "zc1", .bridge = k_bridge}, {.interface = "zc2", .bridge = k_bridge}}));
  BridgeLab::run({"ip", "address", "add", "10.99.0.1/24", "dev", "br0"});
  Tap host_there(k_bridge);
  // `arrivals` waits for what went over br0; over the other bridge it takes the same way, and no longer.
  const auto heard = [&](Tap& from, Tap& to, const Bytes& sent, int mark) {
    lab->arrivals(to);
    from.send(marked(sent, mark));
    const auto marks = lab->arrivals(to);
    return std::find(marks.begin(), marks.end(), mark) != marks.end();
  };
  EXPECT_TRUE(heard(one, two, frame, 101));
  EXPECT_TRUE(heard(two, one, frame, 102));
  EXPECT_FALSE(heard(one, original, frame, 103));
  EXPECT_FALSE(heard(one, lab->lan(), frame, 104));
  EXPECT_FALSE(heard(one, lab->host(), frame, 105));
  EXPECT_FALSE(heard(one, host_there, frame, 106)) << "the host hears nothing of it";
  EXPECT_FALSE(heard(lab->lan(), one, frame, 107));
  EXPECT_FALSE(heard(original, one, frame, 108));
  // The host has no address there, but Linux answers for those that it has elsewhere; here it would at the other guest's end, too.
  BridgeLab::run({"ip", "link", "set", "guest2", "arp", "off"});
  two.drain();
  one.drain();
  one.send(arp({.source = "00:16:3e:00:00:01"}, {.sender_mac = "00:16:3e:00:00:01", .sender = "10.99.0.7", .target = "10.99.0.1"}));
  lab->arrivals(two);
  EXPECT_TRUE(one.drain().empty()) << "the host answered";
  // What the host itself would send there.
  host_there.send(frame);
  lab->arrivals(two);
  EXPECT_TRUE(two.drain().empty());
  EXPECT_TRUE(one.drain().empty());
}

TEST(PretendedBridges, KeepsWhatStandsWhereInAFile) {
  const TemporaryFolder folder;
  PretendedBridges bridges(folder / "bridges");
  const auto text = [&] { return read_file(folder / "bridges", 1 << 20).value(); };
  EXPECT_FAILS(bridges.place({{.interface = "zc1", .bridge = k_bridge}}), Errc::not_found);
  ASSERT_OK(bridges.make(k_bridge));
  ASSERT_OK(bridges.make(k_bridge));
  EXPECT_EQ(text(), k_bridge + "\n");
  EXPECT_EQ(bridges.place({{.interface = "zc1", .bridge = k_bridge}, {.interface = "zc2", .bridge = k_bridge}}).value().size(), 2u);
  EXPECT_EQ(bridges.place({{.interface = "zc1", .bridge = k_bridge}}).value(), Done{});
  EXPECT_EQ(text(), k_bridge + " zc1 zc2\n");
  ASSERT_OK(bridges.place({{.interface = "zc1", .bridge = "xenbr0"}}));
  EXPECT_EQ(text(), "xenbr0 zc1\n" + k_bridge + " zc2\n");
  ASSERT_OK(bridges.tidy({{k_bridge, {"zc1"}}}));
  EXPECT_EQ(text(), "xenbr0 zc1\n" + k_bridge + "\n");
  EXPECT_EQ(bridges.tidy({}).value().size(), 1u);
  EXPECT_EQ(text(), "xenbr0 zc1\n");
}

}  // namespace
}  // namespace zynclone::broker::network
