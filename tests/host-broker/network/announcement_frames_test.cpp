#include "host-broker/network/announcement_frames.hpp"

#include <gtest/gtest.h>

#include "tests/support/result_matchers.hpp"

namespace zynclone::broker::network {
namespace {

std::string hex(const Result<std::string>& frame) {
  if (!frame) return frame.error().message;
  std::string digits;
  for (const char byte : frame.value()) {
    digits += "0123456789abcdef"[static_cast<unsigned char>(byte) >> 4];
    digits += "0123456789abcdef"[static_cast<unsigned char>(byte) & 15];
  }
  return digits;
}

TEST(AnnouncementFrame, OfAnIpv4AddressIsAnArpAnnouncement) {
  EXPECT_EQ(hex(announcement_frame("00:16:3E:ab:cd:ef", "192.0.2.1")),
            "ffffffffffff" "00163eabcdef" "0806"     // to all, from it, ARP
            "0001" "0800" "06" "04" "0001"           // Ethernet, IPv4, their lengths, request
            "00163eabcdef" "c0000201"                // sender
            "000000000000" "c0000201");              // target: nobody's MAC, the same address
}

TEST(AnnouncementFrame, OfAnIpv6AddressIsAnUnsolicitedNeighbourAdvertisement) {
  EXPECT_EQ(hex(announcement_frame("00:16:3e:00:00:02", "2001:db8::1")),
            "333300000001" "00163e000002" "86dd"
            "60000000" "0020" "3a" "ff"              // 32 bytes, ICMPv6, hop limit 255
            "20010db8000000000000000000000001" "ff020000000000000000000000000001"
            "88" "00" "bd13" "20000000"              // advertisement, checksum, override
            "20010db8000000000000000000000001"       // target
            "02" "01" "00163e000002");               // target's link-layer address
  EXPECT_EQ(hex(announcement_frame("00:16:3e:ab:cd:ef", "fe80::216:3eff:feab:cdef")),
            "333300000001" "00163eabcdef" "86dd" "60000000" "0020" "3a" "ff"
            "fe8000000000000002163efffeabcdef" "ff020000000000000000000000000001"
            "88" "00" "318b" "20000000" "fe8000000000000002163efffeabcdef" "02" "01" "00163eabcdef");
}

TEST(AnnouncementFrame, WhatIsNoMachinesAddressIsRefused) {
  for (const char* address : {"", "192.0.2", "192.0.2.1/24", "0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "::", "::1", "ff02::1",
                              "fe80::1%eth0", "pos1", " 192.0.2.1"}) {
    EXPECT_FAILS(announcement_frame("00:16:3e:00:00:02", address), Errc::invalid_argument) << address;
  }
  for (const char* mac : {"", "00:16:3e", "00:16:3e:00:00:0g", "00163e000002"}) {
    EXPECT_FAILS(announcement_frame(mac, "192.0.2.1"), Errc::invalid_argument) << mac;
  }
}

}  // namespace
}  // namespace zynclone::broker::network
