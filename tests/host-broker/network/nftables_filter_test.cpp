// The filter on the kernel's own nftables.

#include "host-broker/network/nftables_filter.hpp"

#include <gtest/gtest.h>

#include <sched.h>

#include <atomic>
#include <thread>

#include "host-broker/network/nft_text.hpp"
#include "tests/host-broker/network/filter_lab_test.hpp"
#include "tests/support/run.hpp"

namespace zynclone::broker::network {
namespace {

using protocol::VifMode;
using namespace tests;

constexpr std::string_view k_nobodys_mac = "02:00:00:00:00:77";  // a bridge floods what is for it

class NftablesFilterTest : public FilterLabTest {
 protected:
  static VifRule locked(const std::string& interface) {
    return {.interface = interface,
            .mode = VifMode::locked,
            .mac = std::string(k_mac),
            .ipv4 = {"10.0.0.1"},
            .ipv6 = {"fe80::216:3eff:fe00:1", "64:ff9b::1"}};
  }
};

// One frame of each kind that a guest may think of.
std::vector<Bytes> all_kinds(std::string_view source) {
  return {
      arp({.source = source}, {.sender_mac = source, .sender = "10.0.0.1", .target = "10.0.0.2"}),
      udp4({.source = source}, {.source = "10.0.0.1", .destination = "10.0.0.255"}),
      udp4({.source = source, .destination = k_nobodys_mac}, {.source = "10.0.0.1", .destination = "10.0.0.2"}),
      udp4({.source = source, .destination = "01:00:5e:00:00:fb"}, {.source = "10.0.0.1", .destination = "224.0.0.251"}),
      udp6({.source = source, .destination = "33:33:00:00:00:01"}, {.source = "fe80::216:3eff:fe00:1", .destination = "ff02::1"}),
      icmp6({.source = source, .destination = "33:33:00:00:00:02"}, {.source = "fe80::216:3eff:fe00:1", .destination = "ff02::2", .type = 133}),
      ethernet({.source = source}, 0x8035, "reverse ARP"),
      ethernet({.source = source}, 0x0040, "802.3 with LLC"),
      vlan_tagged(udp4({.source = source}, {.source = "10.0.0.1", .destination = "10.0.0.255"}), 7),
  };
}

TEST_F(NftablesFilterTest, NothingIsFilteredWithoutRules) {
  Tap& guest = lab->add_guest("vif7.0");
  for (const Bytes& frame : all_kinds(k_mac)) EXPECT_TRUE(lab->passes(guest, lab->lan(), frame));
  for (const Bytes& frame : all_kinds(k_lan_mac)) EXPECT_TRUE(lab->passes(lab->lan(), guest, frame));
  EXPECT_EQ(filter->in_force().value(), std::nullopt);
}

TEST_F(NftablesFilterTest, DisabledLetsNothingOut) {
  Tap& guest = lab->add_guest("vif7.0");
  Tap& other = lab->add_guest("vif8.0");
  apply({.rules = {{.interface = "vif7.0", .mode = VifMode::disabled}}});
  for (const Bytes& frame : all_kinds(k_mac)) {
    EXPECT_FALSE(lab->passes(guest, lab->lan(), frame));
    EXPECT_FALSE(lab->passes(guest, other, frame));
    EXPECT_FALSE(lab->passes(guest, lab->host(), frame));
    EXPECT_TRUE(lab->passes(other, lab->lan(), frame));
  }
}

TEST_F(NftablesFilterTest, DisabledLetsNothingIn) {
  Tap& guest = lab->add_guest("vif7.0");
  Tap& other = lab->add_guest("vif8.0");
  apply({.rules = {{.interface = "vif7.0", .mode = VifMode::disabled}}});
  for (const Bytes& frame : all_kinds(k_lan_mac)) {
    EXPECT_FALSE(lab->passes(lab->lan(), guest, frame));
    EXPECT_FALSE(lab->passes(other, guest, frame));
    EXPECT_FALSE(lab->passes(lab->host(), guest, frame));
    EXPECT_TRUE(lab->passes(lab->host(), other, frame));
  }
}

TEST_F(NftablesFilterTest, DisabledKeepsLinkLocalGroupsFromTheHost) {
  Tap& guest = lab->add_guest("vif7.0");
  Tap daemon("vif7.0", 0x888e);  // where a daemon of the host listens: behind the bridge's decision
  const Bytes frame = ethernet({.source = k_mac, .destination = "01:80:c2:00:00:03"}, 0x888e, "802.1X");
  EXPECT_TRUE(lab->passes(guest, daemon, frame));
  apply({.rules = {{.interface = "vif7.0", .mode = VifMode::disabled}}});
  EXPECT_FALSE(lab->passes(guest, daemon, frame));
  apply({.rules = {locked("vif7.0")}});
  EXPECT_FALSE(lab->passes(guest, daemon, frame));
}

// The bridge takes these past its own filter, and learns where their sender is: traffic for whose MAC that really is would be drawn away.
TEST_F(NftablesFilterTest, RestrictedInterfacesCannotTeachTheBridge) {
  const auto lldp = [](std::string_view source) { return ethernet({.source = source, .destination = "01:80:c2:00:00:0e"}, 0x88cc, "LLDP"); };
  Tap& guest = lab->add_guest("vif7.0");
  Tap& other = lab->add_guest("vif8.0");
  Tap daemon("vif7.0", 0x88cc);
  EXPECT_TRUE(lab->passes(guest, daemon, lldp(k_mac)));
  VifRule rule = locked("vif7.0");
  for (const VifMode mode : {VifMode::disabled, VifMode::locked}) {
    rule.mode = mode;
    // Held, or named: the same.
    for (const FilterState& state : {FilterState{.rules = {rule}}, FilterState{.unknown = UnknownVifs::hold, .rules = {}}}) {
      apply(state);
      const Bytes to_lan = udp4({.source = k_other_mac, .destination = k_lan_mac}, {.source = "10.0.0.3", .destination = "10.0.0.2"});
      EXPECT_TRUE(lab->passes(lab->lan(), lab->host(), udp4({.source = k_lan_mac}, {.source = "10.0.0.2", .destination = "10.0.0.255"})));
      EXPECT_FALSE(lab->passes(guest, daemon, lldp(k_lan_mac)));
      if (state.unknown == UnknownVifs::pass) {
        EXPECT_TRUE(lab->passes(other, lab->lan(), to_lan));
      }
    }
  }
  apply({.rules = {{.interface = "vif7.0", .mode = VifMode::unlocked}}});
  EXPECT_TRUE(lab->passes(guest, daemon, lldp(k_mac)));
}

// It is noticed, and is not in force before it was done.
TEST_F(NftablesFilterTest, ANewRestrictedInterfaceIsGuardedToo) {
  const FilterState state = checked({.rules = {{.interface = "vif7.0", .mode = VifMode::disabled}}}).value();
  apply(state);
  while (context.poll() != 0) {
  }
  lab->add_guest("vif7.0");
  EXPECT_OK(tests::run_on(context, with_timeout(filter->changed(), std::chrono::seconds(10), "word of the interface")));
  EXPECT_EQ(filter->in_force().value(), std::nullopt);
  apply(state);
  lab->remove_guest("vif7.0");
  apply(state);
  BridgeLab::run({"ip", "link", "add", "vif7.0", "type", "veth", "peer", "name", "guest"});
  apply(state);
  BridgeLab::run({"ip", "link", "set", "vif7.0", "name", "zc1"});
  apply(state);
  BridgeLab::run({"ip", "link", "del", "zc1"});
  apply(state);
}

// The kernel counts no change when an interface goes. Linux before 6.16 drops its rules then: one that comes back under the same name has none.
TEST_F(NftablesFilterTest, AnInterfaceThatHasComeBackIsGuardedAnew) {
  const FilterState state = checked({.rules = {{.interface = "vif7.0", .mode = VifMode::disabled}}}).value();
  lab->add_guest("vif7.0");
  apply(state);
  lab->remove_guest("vif7.0");
  lab->add_guest("vif7.0");
  auto afresh = NftablesFilter::create(context.get_executor());
  ASSERT_OK(afresh);
  EXPECT_EQ(filter->in_force().value(), afresh.value().in_force().value());
  apply(state);
}

TEST_F(NftablesFilterTest, DisabledKeepsTheBridgesOwnFramesBack) {
  Tap& guest = lab->add_guest("vif7.0");
  Tap& other = lab->add_guest("vif8.0");
  apply({.rules = {{.interface = "vif7.0", .mode = VifMode::disabled}}});
  guest.drain();
  BridgeLab::run({"ip", "link", "set", "br0", "type", "bridge", "stp_state", "1"});
  const Bytes first = other.receive();
  ASSERT_GE(first.size(), 6u) << "no spanning tree message came";
  EXPECT_EQ(first.substr(0, 6), mac_bytes("01:80:c2:00:00:00"));
  EXPECT_TRUE(guest.drain().empty());
}

TEST_F(NftablesFilterTest, UnlockedLetsEverythingPass) {
  Tap& guest = lab->add_guest("vif7.0");
  apply({.unknown = UnknownVifs::hold, .rules = {{.interface = "vif7.0", .mode = VifMode::unlocked}}});
  for (const Bytes& frame : all_kinds(k_other_mac)) EXPECT_TRUE(lab->passes(guest, lab->lan(), frame));
  for (const Bytes& frame : all_kinds(k_lan_mac)) EXPECT_TRUE(lab->passes(lab->lan(), guest, frame));
}

TEST_F(NftablesFilterTest, LockedLetsItsOwnAddressesOut) {
  Tap& guest = lab->add_guest("vif7.0");
  apply({.rules = {locked("vif7.0")}});
  const Link own{.source = k_mac};
  const Link group{.source = k_mac, .destination = "33:33:ff:00:00:01"};
  const auto passes = [&](const Bytes& frame) { return lab->passes(guest, lab->lan(), frame); };
  EXPECT_TRUE(passes(arp(own, {.operation = 1, .sender_mac = k_mac, .sender = "10.0.0.1", .target = "10.0.0.2"})));
  EXPECT_TRUE(passes(arp(own, {.operation = 2, .sender_mac = k_mac, .sender = "10.0.0.1", .target = "10.0.0.2"})));
  EXPECT_TRUE(passes(arp(own, {.operation = 1, .sender_mac = k_mac, .sender = "0.0.0.0", .target = "10.0.0.1"}))) << "address conflict probe";
  EXPECT_TRUE(passes(udp4(own, {.source = "10.0.0.1", .destination = "10.0.0.255"})));
  EXPECT_TRUE(passes(udp4({.source = k_mac, .destination = k_lan_mac}, {.source = "10.0.0.1", .destination = "10.0.0.2"})));
  EXPECT_TRUE(passes(udp6(group, {.source = "fe80::216:3eff:fe00:1", .destination = "ff02::1"})));
  EXPECT_TRUE(passes(udp6(group, {.source = "64:ff9b::1", .destination = "2001:db8::1"})));
  EXPECT_TRUE(passes(icmp6(group, {.source = "64:ff9b::1", .destination = "ff02::1:ff00:2", .type = 135, .target = "2001:db8::2"})));
  EXPECT_TRUE(passes(icmp6(group, {.source = "64:ff9b::1", .destination = "ff02::1", .type = 136, .target = "64:ff9b::1"})));
  EXPECT_TRUE(passes(icmp6(group, {.source = "::", .destination = "ff02::1:ff00:1", .type = 135, .target = "64:ff9b::1"}))) << "duplicate address detection";
  EXPECT_TRUE(passes(icmp6(group, {.source = "64:ff9b::1", .destination = "2001:db8::1", .type = 128}))) << "echo request";
  EXPECT_TRUE(passes(icmp6(group, {.source = "fe80::216:3eff:fe00:1", .destination = "ff02::2", .type = 133}))) << "router solicitation";
}

TEST_F(NftablesFilterTest, LockedDropsForeignAddresses) {
  Tap& guest = lab->add_guest("vif7.0");
  apply({.rules = {locked("vif7.0")}});
  const Link own{.source = k_mac};
  const Link forged{.source = k_other_mac};
  const Link group{.source = k_mac, .destination = "33:33:ff:00:00:01"};
  const auto passes = [&](const Bytes& frame) { return lab->passes(guest, lab->lan(), frame) || lab->passes(guest, lab->host(), frame); };
  for (const Bytes& frame : all_kinds(k_other_mac)) EXPECT_FALSE(passes(frame)) << "source MAC";
  EXPECT_FALSE(passes(arp(forged, {.sender_mac = k_mac, .sender = "10.0.0.1", .target = "10.0.0.2"}))) << "source MAC of the frame";
  EXPECT_FALSE(passes(arp(own, {.sender_mac = k_other_mac, .sender = "10.0.0.1", .target = "10.0.0.2"}))) << "sender MAC";
  EXPECT_FALSE(passes(arp(own, {.sender_mac = k_mac, .sender = "10.0.0.3", .target = "10.0.0.2"}))) << "sender address of a request";
  EXPECT_FALSE(passes(arp(own, {.operation = 2, .sender_mac = k_mac, .sender = "10.0.0.3", .target = "10.0.0.2"}))) << "of a reply";
  EXPECT_FALSE(passes(arp(own, {.operation = 2, .sender_mac = k_mac, .sender = "0.0.0.0", .target = "10.0.0.1"}))) << "no probe";
  EXPECT_FALSE(passes(arp(own, {.sender_mac = k_mac, .sender = "0.0.0.0", .target = "10.0.0.3"}))) << "probe for another's address";
  EXPECT_FALSE(passes(arp(own, {.operation = 3, .sender_mac = k_mac, .sender = "10.0.0.1", .target = "10.0.0.2"}))) << "neither request nor reply";
  EXPECT_FALSE(passes(udp4(own, {.source = "10.0.0.3", .destination = "10.0.0.2"})));
  EXPECT_FALSE(passes(udp4(own, {.source = "10.0.0.1", .destination = "10.0.0.2", .source_port = 67, .destination_port = 68}))) << "DHCP server";
  EXPECT_FALSE(passes(udp4(own, {.source = "0.0.0.0", .destination = "255.255.255.255", .source_port = 68, .destination_port = 67}))) << "DHCP is not listed";
  EXPECT_FALSE(passes(udp6(group, {.source = "64:ff9b::2", .destination = "2001:db8::1"})));
  EXPECT_FALSE(passes(udp6(group, {.source = "::", .destination = "2001:db8::1"})));
  EXPECT_FALSE(passes(udp6(group, {.source = "64:ff9b::1", .destination = "ff02::1:2", .source_port = 547, .destination_port = 546}))) << "DHCPv6 server";
  EXPECT_FALSE(passes(icmp6(group, {.source = "64:ff9b::2", .destination = "ff02::1", .type = 135, .target = "2001:db8::2"})));
  EXPECT_FALSE(passes(icmp6(group, {.source = "64:ff9b::1", .destination = "ff02::1", .type = 136, .target = "2001:db8::2"}))) << "another's address";
  EXPECT_FALSE(passes(icmp6(group, {.source = "64:ff9b::1", .destination = "ff02::1", .type = 136, .target = "2001:db8::2", .extension_headers = 1})));
  EXPECT_FALSE(passes(icmp6(group, {.source = "64:ff9b::1", .destination = "ff02::1", .type = 136, .target = "2001:db8::2", .extension_headers = 9})));
  EXPECT_FALSE(passes(icmp6(group, {.source = "::", .destination = "ff02::1:ff00:1", .type = 135, .target = "2001:db8::2"})));
  EXPECT_FALSE(passes(icmp6(group, {.source = "::", .destination = "ff02::1", .type = 136, .target = "64:ff9b::1"})));
  EXPECT_FALSE(passes(icmp6(group, {.source = "64:ff9b::1", .destination = "ff02::1", .type = 134}))) << "router advertisement";
  EXPECT_FALSE(passes(icmp6(group, {.source = "64:ff9b::1", .destination = "ff02::1", .type = 134, .extension_headers = 2})));
  EXPECT_FALSE(passes(icmp6(group, {.source = "64:ff9b::1", .destination = "ff02::1", .type = 137}))) << "redirect";
  EXPECT_FALSE(passes(vlan_tagged(udp4(own, {.source = "10.0.0.1", .destination = "10.0.0.2"}), 7)));
  EXPECT_FALSE(passes(vlan_tagged(udp4(own, {.source = "10.0.0.1", .destination = "10.0.0.2"}), 0)));
  EXPECT_FALSE(passes(vlan_tagged(arp(own, {.sender_mac = k_mac, .sender = "10.0.0.1", .target = "10.0.0.2"}), 7)));
  EXPECT_FALSE(passes(ethernet(own, 0x8035, "reverse ARP")));
  EXPECT_FALSE(passes(ethernet(own, 0x0040, "802.3 with LLC")));
  EXPECT_FALSE(passes(ethernet(own, 0x0806, "cut")));
  EXPECT_FALSE(passes(ethernet(own, 0x0800, "cut")));
  EXPECT_FALSE(passes(ethernet(own, 0x86dd, "cut")));
}

TEST_F(NftablesFilterTest, LockedWithNoAddressLetsNothingOut) {
  Tap& guest = lab->add_guest("vif7.0");
  apply({.rules = {{.interface = "vif7.0", .mode = VifMode::locked, .mac = std::string(k_mac)}}});
  for (const Bytes& frame : all_kinds(k_mac)) EXPECT_FALSE(lab->passes(guest, lab->lan(), frame));
}

TEST_F(NftablesFilterTest, LockedLetsDhcpPassWhereItIsListed) {
  Tap& guest = lab->add_guest("vif7.0");
  VifRule rule = locked("vif7.0");
  rule.ipv4.emplace_back("0.0.0.0");
  apply({.rules = {rule}});
  const Link own{.source = k_mac};
  EXPECT_TRUE(lab->passes(guest, lab->lan(), udp4(own, {.source = "0.0.0.0", .destination = "255.255.255.255", .source_port = 68, .destination_port = 67})));
  EXPECT_FALSE(lab->passes(guest, lab->lan(), udp4(own, {.source = "0.0.0.0", .destination = "255.255.255.255"})));
  EXPECT_FALSE(lab->passes(guest, lab->lan(), udp4(own, {.source = "0.0.0.0", .destination = "10.0.0.2", .source_port = 68, .destination_port = 67})));
  EXPECT_FALSE(lab->passes(guest, lab->lan(), arp(own, {.operation = 2, .sender_mac = k_mac, .sender = "0.0.0.0", .target = "10.0.0.2"})));
}

TEST_F(NftablesFilterTest, LockedGetsWhatIsAddressedToItAndToGroups) {
  Tap& guest = lab->add_guest("vif7.0");
  apply({.rules = {locked("vif7.0")}});
  const auto passes = [&](std::string_view destination) {
    return lab->passes(lab->lan(), guest, udp4({.source = k_lan_mac, .destination = destination}, {.source = "10.0.0.2", .destination = "10.0.0.1"}));
  };
  EXPECT_TRUE(passes(k_mac));
  EXPECT_TRUE(passes(k_broadcast));
  EXPECT_TRUE(passes("01:00:5e:00:00:fb"));
  EXPECT_FALSE(passes(k_other_mac)) << "flooded by the bridge, but not for this guest";
  EXPECT_TRUE(lab->passes(lab->host(), guest, arp({.source = k_lan_mac}, {.operation = 1, .sender_mac = k_lan_mac, .sender = "10.0.0.2", .target = "10.0.0.1"})));
  EXPECT_FALSE(lab->passes(lab->lan(), guest, vlan_tagged(udp4({.source = k_lan_mac}, {.source = "10.0.0.2", .destination = "10.0.0.1"}), 7)));
}

TEST_F(NftablesFilterTest, EachInterfaceHasItsOwnAddresses) {
  Tap& first = lab->add_guest("vif7.0");
  Tap& second = lab->add_guest("vif7.1");
  VifRule other = locked("vif7.1");
  other.mac = k_other_mac;
  other.ipv4 = {"10.0.0.9"};
  apply({.rules = {locked("vif7.0"), other}});
  const Bytes of_first = udp4({.source = k_mac}, {.source = "10.0.0.1", .destination = "10.0.0.255"});
  const Bytes of_second = udp4({.source = k_other_mac}, {.source = "10.0.0.9", .destination = "10.0.0.255"});
  EXPECT_TRUE(lab->passes(first, lab->lan(), of_first));
  EXPECT_TRUE(lab->passes(second, lab->lan(), of_second));
  EXPECT_FALSE(lab->passes(first, lab->lan(), of_second));
  EXPECT_FALSE(lab->passes(second, lab->lan(), of_first));
  EXPECT_FALSE(lab->passes(first, lab->lan(), udp4({.source = k_mac}, {.source = "10.0.0.9", .destination = "10.0.0.255"})));
}

TEST_F(NftablesFilterTest, RulesAreThereBeforeTheInterface) {
  apply({.rules = {{.interface = "zc1", .mode = VifMode::disabled}}});
  const std::vector<Bytes> frames = all_kinds(k_mac);
  for (int round = 0; round < 3; ++round) {
    Tap& guest = lab->add_guest("zc1");
    for (const Bytes& frame : frames) EXPECT_FALSE(lab->passes(guest, lab->lan(), frame));
    for (const Bytes& frame : frames) EXPECT_FALSE(lab->passes(lab->lan(), guest, frame));
    lab->remove_guest("zc1");
  }
  Tap& guest = lab->add_guest("zc1");
  apply({.rules = {{.interface = "zc1", .mode = VifMode::unlocked}}});
  EXPECT_TRUE(lab->passes(guest, lab->lan(), frames[0]));
}

TEST_F(NftablesFilterTest, TheEmulatedTwinIsFilteredToo) {
  Tap& emulated = lab->add_guest("vif7.0-emu");
  const Bytes frame = all_kinds(k_mac)[1];
  EXPECT_TRUE(lab->passes(emulated, lab->lan(), frame));
  apply({.rules = {{.interface = "vif7.0", .mode = VifMode::disabled}}});
  EXPECT_FALSE(lab->passes(emulated, lab->lan(), frame));
  EXPECT_FALSE(lab->passes(lab->lan(), emulated, frame));
  apply({.rules = {locked("vif7.0")}});
  EXPECT_TRUE(lab->passes(emulated, lab->lan(), frame));
  EXPECT_FALSE(lab->passes(emulated, lab->lan(), all_kinds(k_other_mac)[1]));
}

TEST_F(NftablesFilterTest, HoldsUnknownVifsAndOnlyThose) {
  Tap& named = lab->add_guest("vif7.0");
  Tap& unknown = lab->add_guest("vif9.0");
  Tap& emulated = lab->add_guest("vif9.0-emu");
  Tap& foreign = lab->add_guest("tap3");
  apply({.unknown = UnknownVifs::hold, .rules = {{.interface = "vif7.0", .mode = VifMode::unlocked}}});
  for (const Bytes& frame : all_kinds(k_mac)) {
    EXPECT_TRUE(lab->passes(named, lab->lan(), frame));
    EXPECT_TRUE(lab->passes(foreign, lab->lan(), frame));
    EXPECT_FALSE(lab->passes(unknown, lab->lan(), frame));
    EXPECT_FALSE(lab->passes(emulated, lab->lan(), frame));
    EXPECT_FALSE(lab->passes(lab->lan(), unknown, frame));
    EXPECT_FALSE(lab->passes(lab->host(), unknown, frame));
  }
  apply({.unknown = UnknownVifs::pass, .rules = {}});
  EXPECT_TRUE(lab->passes(unknown, lab->lan(), all_kinds(k_mac)[0]));
}

// From one restriction to another no frame that neither allows gets through, however often and at whatever instant it changes.
TEST_F(NftablesFilterTest, NothingSlipsThroughWhileRulesChange) {
  Tap& guest = lab->add_guest("vif7.0");
  const FilterState states[] = {{.rules = {{.interface = "vif7.0", .mode = VifMode::disabled}}},
                                {.unknown = UnknownVifs::hold, .rules = {locked("vif7.0"), {.interface = "vif8.0", .mode = VifMode::unlocked}}},
                                {.rules = {{.interface = "a", .mode = VifMode::unlocked}, locked("vif7.0")}},
                                {.unknown = UnknownVifs::hold, .rules = {}}};
  ASSERT_OK(filter->apply(states[0]));
  lab->arrivals(lab->lan());
  std::atomic<bool> finished = false;
  // A thread of its own on another processor, if there is one: it applies between and within the frames.
  std::thread changer([&] {
    cpu_set_t all;
    CPU_ZERO(&all);
    for (int processor = 0; processor < CPU_SETSIZE; ++processor) CPU_SET(processor, &all);
    ::sched_setaffinity(0, sizeof all, &all);
    for (int round = 0; round < 100; ++round) EXPECT_OK(filter->apply(states[round % 4]));
    finished = true;
  });
  const Bytes frame = marked(udp4({.source = k_other_mac}, {.source = "10.0.0.66", .destination = "10.0.0.255"}), 77);
  int sent = 0;
  for (; !finished || sent < 1000; ++sent) guest.send(frame);
  changer.join();
  EXPECT_TRUE(lab->arrivals(lab->lan()).empty()) << "of " << sent;
}

TEST_F(NftablesFilterTest, NoticesThatRulesAreGone) {
  Tap& guest = lab->add_guest("vif7.0");
  const FilterState state = checked({.rules = {locked("vif7.0")}}).value();
  apply(state);
  for (const char* command : {"flush ruleset", "delete table bridge zynclone", "flush table bridge zynclone", "flush map bridge zynclone from",
                              "add element bridge zynclone ipv4 { vif7.0 . 10.0.0.66 }", "add chain bridge zynclone more",
                              "insert rule bridge zynclone prerouting accept", "flush chain bridge zynclone from_locked_ip6",
                              "add element bridge zynclone from { zc9 : accept }"}) {
    while (context.poll() != 0) {
    }
    ASSERT_EQ(filter->in_force().value(), state) << command;
    nft(command);
    EXPECT_OK(tests::run_on(context, with_timeout(filter->changed(), std::chrono::seconds(10), "word of the change"))) << command;
    EXPECT_EQ(filter->in_force().value(), std::nullopt) << command;
    apply(state);
    EXPECT_FALSE(lab->passes(guest, lab->lan(), all_kinds(k_other_mac)[1])) << command;
  }
}

TEST_F(NftablesFilterTest, ReplacesATableThatIsNotOurs) {
  nft("add table bridge zynclone; add set bridge zynclone from { type ipv4_addr; }; add chain bridge zynclone input { type filter hook forward priority 0; }");
  EXPECT_EQ(filter->in_force().value(), std::nullopt);
  apply({.rules = {locked("vif7.0")}});
}

TEST_F(NftablesFilterTest, LeavesOtherTablesAlone) {
  nft("add table bridge administrator; add chain bridge administrator forward { type filter hook forward priority 0; }");
  apply({.rules = {locked("vif7.0")}});
  apply({});
  nft("delete chain bridge administrator forward; delete table bridge administrator");  // fails if they are gone
}

TEST_F(NftablesFilterTest, RefusesWhatIsNoStateAndKeepsWhatWas) {
  const FilterState before = checked({.rules = {locked("vif7.0")}}).value();
  apply(before);
  VifRule hostile = locked("x\" accept; flush ruleset #");
  EXPECT_FAILS(filter->apply({.rules = {locked("vif8.0"), hostile}}), Errc::invalid_argument);
  EXPECT_EQ(filter->in_force().value(), before);
}

}  // namespace
}  // namespace zynclone::broker::network
