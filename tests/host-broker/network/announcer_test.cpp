// Announcements on the kernel's own bridges, in a network namespace of the test's own (skipped where that may not be made), and pretended ones.

#include <gtest/gtest.h>

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <fstream>

#include "host-broker/network/announcement_frames.hpp"
#include "host-broker/network/nftables_filter.hpp"
#include "host-broker/network/packet_announcer.hpp"
#include "host-broker/network/pretended_announcer.hpp"
#include "tests/host-broker/network/bridge_lab.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::broker::network {
namespace {

using protocol::VifMode;
using namespace tests;

// What a program of the system says.
std::string said_by(const std::string& command) {
  std::string text;
  std::FILE* pipe = ::popen(command.c_str(), "r");
  std::array<char, 512> buffer{};
  while (pipe != nullptr && std::fgets(buffer.data(), buffer.size(), pipe) != nullptr) text += buffer.data();
  if (pipe != nullptr) ::pclose(pipe);
  return text;
}

class PacketAnnouncerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string why_not;
    if (!BridgeLab::enter_namespace(why_not)) GTEST_SKIP() << why_not;
    lab = std::make_unique<BridgeLab>();
  }

  // The frames that got to this tap by now, as they were announced.
  bool has_heard(Tap& tap, const std::string& mac, const std::string& address) {
    const std::string frame = announcement_frame(mac, address).value();
    lab->arrivals(lab->host());  // all that was sent has arrived
    bool heard = false;
    for (const Bytes& one : tap.drain()) heard = heard || one.substr(0, frame.size()) == frame;
    return heard;
  }
  // The port at which the bridge believes the MAC to be.
  static std::string port_of(const std::string& mac) {
    const std::string text = said_by("bridge fdb get " + mac + " br br0 2>/dev/null");
    const auto at = text.find("dev ");
    return at == std::string::npos ? "" : text.substr(at + 4, text.find(' ', at + 4) - at - 4);
  }

  std::unique_ptr<BridgeLab> lab;
  PacketAnnouncer announcer;
};

TEST_F(PacketAnnouncerTest, EveryoneOnTheBridgeHearsItButTheMemberItself) {
  Tap& member = lab->add_guest("zc1");
  Tap& neighbour = lab->add_guest("vif8.0");
  for (const char* address : {"192.0.2.1", "2001:db8::1"}) {
    const auto done = announcer.announce({.interface = "zc1", .mac = k_mac, .addresses = {address}}, {});
    ASSERT_OK(done);
    EXPECT_EQ(done.value(), "on br0, 3 ports");
    EXPECT_FALSE(has_heard(member, k_mac, address)) << "it may just be testing whether somebody has that address";
    EXPECT_TRUE(has_heard(neighbour, k_mac, address));
    EXPECT_TRUE(has_heard(lab->lan(), k_mac, address)) << "and the switches beyond";
  }
}

TEST_F(PacketAnnouncerTest, WhatMayReceiveNothingHearsNothing) {
  lab->add_guest("zc1");
  Tap& silenced = lab->add_guest("vif3.0");
  Tap& held = lab->add_guest("vif4.0");
  Tap& free = lab->add_guest("vif8.0");
  const FilterState rules{.unknown = UnknownVifs::hold,
                          .rules = {{.interface = "vif3.0", .mode = VifMode::disabled}, {.interface = "vif8.0", .mode = VifMode::unlocked}}};
  ASSERT_OK(announcer.announce({.interface = "zc1", .mac = k_mac, .addresses = {"192.0.2.1"}}, rules));
  EXPECT_FALSE(has_heard(silenced, k_mac, "192.0.2.1"));
  EXPECT_FALSE(has_heard(held, k_mac, "192.0.2.1"));
  EXPECT_TRUE(has_heard(free, k_mac, "192.0.2.1"));
}

// The MAC moves along: until now the bridge has sent everything for it to the old member.
TEST_F(PacketAnnouncerTest, TheBridgeSendsWhatIsForTheMacToTheNewMember) {
  Tap& old_member = lab->add_guest("vif3.0");
  Tap& new_member = lab->add_guest("zc1");
  EXPECT_TRUE(lab->passes(old_member, lab->lan(), arp({.source = k_mac}, {.sender_mac = k_mac, .sender = "192.0.2.1", .target = "192.0.2.9"})));
  EXPECT_EQ(port_of(k_mac), "vif3.0");
  const Bytes question = udp4({.source = k_lan_mac, .destination = k_mac}, {.source = "192.0.2.9", .destination = "192.0.2.1"});
  EXPECT_TRUE(lab->passes(lab->lan(), old_member, question));

  ASSERT_OK(announcer.announce({.interface = "zc1", .mac = k_mac, .addresses = {"192.0.2.1"}}, {}));
  EXPECT_EQ(port_of(k_mac), "zc1");
  EXPECT_TRUE(lab->passes(lab->lan(), new_member, question));
  EXPECT_FALSE(lab->passes(lab->lan(), old_member, question));
  // Back again, as after an undo.
  ASSERT_OK(announcer.announce({.interface = "vif3.0", .mac = k_mac, .addresses = {"192.0.2.1"}}, {}));
  EXPECT_EQ(port_of(k_mac), "vif3.0");
  // What the bridge was told counts no more than what it learns.
  EXPECT_TRUE(lab->passes(new_member, lab->lan(), arp({.source = k_mac}, {.sender_mac = k_mac, .sender = "192.0.2.1", .target = "192.0.2.9"})));
  EXPECT_EQ(port_of(k_mac), "zc1");
}

// Its guest's side of it is not there yet.
TEST_F(PacketAnnouncerTest, WhereTheNewMembersPortIsDownTheBridgeForgetsTheOldOne) {
  Tap& old_member = lab->add_guest("vif3.0");
  lab->add_guest("zc1");
  EXPECT_TRUE(lab->passes(old_member, lab->lan(), arp({.source = k_mac}, {.sender_mac = k_mac, .sender = "192.0.2.1", .target = "192.0.2.9"})));
  BridgeLab::run({"ip", "link", "set", "zc1", "down"});
  ASSERT_OK(announcer.announce({.interface = "zc1", .mac = k_mac, .addresses = {"192.0.2.1"}}, {}));
  EXPECT_EQ(port_of(k_mac), "");
  EXPECT_TRUE(has_heard(lab->lan(), k_mac, "192.0.2.1"));
}

// Two hosts that know the address already: one behind the bridge, and the bridge's own.
TEST_F(PacketAnnouncerTest, NeighbourTablesFollow) {
  std::ofstream("/proc/sys/net/ipv6/conf/lan/disable_ipv6") << "0";
  std::ofstream("/proc/sys/net/ipv6/conf/br0/disable_ipv6") << "0";
  lab->add_guest("zc1");
  for (const char* device : {"lan", "br0"}) {
    const std::string end = device == std::string("lan") ? "9" : "8";
    BridgeLab::run({"ip", "address", "add", "192.0.2." + end + "/24", "dev", device});
    BridgeLab::run({"ip", "address", "add", "2001:db8::" + end + "/64", "dev", device, "nodad"});
    for (const char* address : {"192.0.2.1", "2001:db8::1"}) {
      BridgeLab::run({"ip", "neigh", "replace", address, "lladdr", k_other_mac, "dev", device, "nud", "stale"});
    }
  }
  const auto done = announcer.announce({.interface = "zc1", .mac = k_mac, .addresses = {"192.0.2.1", "2001:db8::1"}}, {});
  ASSERT_OK(done);
  lab->arrivals(lab->host());
  for (const char* device : {"lan", "br0"}) {
    for (const char* address : {"192.0.2.1", "2001:db8::1"}) {
      const std::string entry = said_by(std::string("ip neigh show ") + address + " dev " + device);
      EXPECT_NE(entry.find("lladdr " + k_mac), std::string::npos) << device << " " << address << ": " << entry;
    }
  }
}

TEST_F(PacketAnnouncerTest, TheHostLearnsNothingThatItDoesNotAskFor) {
  lab->add_guest("zc1");
  BridgeLab::run({"ip", "address", "add", "192.0.2.8/24", "dev", "br0"});
  ASSERT_OK(announcer.announce({.interface = "zc1", .mac = k_mac, .addresses = {"192.0.2.1"}}, {}));
  EXPECT_EQ(said_by("ip neigh show 192.0.2.1 dev br0"), "");
}

TEST_F(PacketAnnouncerTest, WhatCannotBeAnnouncedIsAnError) {
  EXPECT_FAILS(announcer.announce({.interface = "zc9", .mac = k_mac, .addresses = {"192.0.2.1"}}, {}), Errc::not_found);
  EXPECT_FAILS(announcer.announce({.interface = "far", .mac = k_mac, .addresses = {"192.0.2.1"}}, {}), Errc::not_found) << "it is on no bridge";
  lab->add_guest("zc1");
  EXPECT_FAILS(announcer.announce({.interface = "zc1", .mac = "mine", .addresses = {"192.0.2.1"}}, {}), Errc::invalid_argument);
  EXPECT_FAILS(announcer.announce({.interface = "zc1", .mac = k_mac, .addresses = {"192.0.2.0/24"}}, {}), Errc::invalid_argument);
}

// Ports of another bridge are another network.
TEST_F(PacketAnnouncerTest, OtherBridgesHearNothing) {
  BridgeLab::run({"ip", "link", "add", "br1", "type", "bridge"});
  BridgeLab::run({"ip", "link", "set", "br1", "up"});
  Tap& elsewhere = lab->add_guest("vif9.0");
  BridgeLab::run({"ip", "link", "set", "vif9.0", "master", "br1"});
  lab->add_guest("zc1");
  const auto done = announcer.announce({.interface = "zc1", .mac = k_mac, .addresses = {"192.0.2.1"}}, {});
  ASSERT_OK(done);
  EXPECT_EQ(done.value(), "on br0, 2 ports");
  EXPECT_FALSE(has_heard(elsewhere, k_mac, "192.0.2.1"));
  BridgeLab::run({"ip", "link", "del", "br1"});
}

TEST(MayReceive, AsTheRulesSay) {
  const FilterState state{.unknown = UnknownVifs::hold,
                          .rules = {{.interface = "vif1.0", .mode = VifMode::disabled},
                                    {.interface = "vif2.0", .mode = VifMode::unlocked},
                                    {.interface = "vif3.0", .mode = VifMode::locked, .mac = k_mac, .ipv4 = {"192.0.2.1"}}}};
  EXPECT_FALSE(may_receive(state, "vif1.0"));
  EXPECT_FALSE(may_receive(state, "vif1.0-emu"));
  EXPECT_TRUE(may_receive(state, "vif2.0"));
  EXPECT_TRUE(may_receive(state, "vif3.0-emu"));
  EXPECT_FALSE(may_receive(state, "vif4.0"));
  EXPECT_TRUE(may_receive(state, "eth0"));
  EXPECT_TRUE(may_receive({}, "vif4.0"));
}

TEST(PretendedAnnouncer, WritesALineAFrame) {
  TemporaryFolder folder;
  PretendedAnnouncer announcer(folder.path() / "announced");
  const auto done = announcer.announce({.interface = "zc1", .mac = k_mac, .addresses = {"192.0.2.1", "2001:db8::1"}}, {});
  ASSERT_OK(done);
  EXPECT_EQ(done.value(), "pretended, in " + (folder.path() / "announced").string());
  ASSERT_OK(announcer.announce({.interface = "vif3.0", .mac = k_other_mac, .addresses = {"192.0.2.1"}}, {}));
  EXPECT_EQ(folder.read("announced"), "zc1 00:16:3e:00:00:01 arp 192.0.2.1\n"
                                      "zc1 00:16:3e:00:00:01 neighbour 2001:db8::1\n"
                                      "vif3.0 00:16:3e:00:00:99 arp 192.0.2.1\n");
  EXPECT_FAILS(announcer.announce({.interface = "zc1", .mac = k_mac, .addresses = {"ff02::1"}}, {}), Errc::invalid_argument);
  EXPECT_FAILS(PretendedAnnouncer("/nonexistent/announced").announce({.interface = "zc1", .mac = k_mac, .addresses = {"192.0.2.1"}}, {}), Errc::system);
}

TEST(PretendedAnnouncer, ItsFileDoesNotGrowForEver) {
  TemporaryFolder folder;
  folder.write("announced", std::string((1 << 20) + 1, 'x'));
  ASSERT_OK(PretendedAnnouncer(folder.path() / "announced").announce({.interface = "zc1", .mac = k_mac, .addresses = {"192.0.2.1"}}, {}));
  EXPECT_EQ(folder.read("announced"), "zc1 00:16:3e:00:00:01 arp 192.0.2.1\n");
}

}  // namespace
}  // namespace zynclone::broker::network
