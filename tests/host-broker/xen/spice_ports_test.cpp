#include "host-broker/xen/spice_ports.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "system/descriptor.hpp"
#include "tests/support/result_matchers.hpp"

namespace zynclone::broker::xen {
namespace {

const Uuid k_one = Uuid::derived("one");
bool always_free(unsigned) { return true; }

XlConfig original(unsigned plain, unsigned tls) {
  return parse_xl_config("type = \"hvm\"\nname = \"pos2\"\nspice = 1\nspiceport = " + std::to_string(plain) + "\nspicetls_port = " + std::to_string(tls) + "\n", "test").value();
}

TEST(SpicePorts, AreDistinctInTheRangeAndNeverTheOriginals) {
  const PortRange range{.first = 6000, .last = 6003};
  for (int i = 0; i < 50; ++i) {
    const auto ports = choose_spice_ports(original(6000, 6001), Uuid::derived(std::to_string(i)), range, always_free);
    ASSERT_OK(ports);
    ASSERT_TRUE(ports.value());
    EXPECT_EQ(ports.value()->plain + ports.value()->tls, 6002u + 6003u);
    EXPECT_NE(ports.value()->plain, ports.value()->tls);
  }
}

TEST(SpicePorts, OnlyTheKindsThatTheOriginalHas) {
  const PortRange range{.first = 5930, .last = 5959};
  const auto plain = choose_spice_ports(original(6000, 0), k_one, range, always_free).value();
  EXPECT_NE(plain->plain, 0u);
  EXPECT_EQ(plain->tls, 0u);
  EXPECT_EQ(choose_spice_ports(original(6000, 0), k_one, range, always_free).value(), plain) << "the same again";
  EXPECT_EQ(choose_spice_ports(original(0, 6001), k_one, range, always_free).value()->plain, 0u);
}

// xl reads them for HVM guests alone.
TEST(SpicePorts, NoneWithoutSpice) {
  for (const char* text : {"type = \"hvm\"\nspice = 0\nspiceport = 6000\n", "type = \"hvm\"\n", "type = \"pvh\"\nspice = 1\nspiceport = 6000\n",
                           "spice = 1\nspiceport = 6000\n"}) {
    EXPECT_EQ(choose_spice_ports(parse_xl_config(text, "test").value(), k_one, {5930, 5959}, always_free).value(), std::nullopt) << text;
  }
  EXPECT_TRUE(parse_xl_config("builder = \"hvm\"\nspice = 1\n", "test").value().has_spice);
  EXPECT_FAILS(parse_xl_config("type = \"hvm\"\nspice = 1\nspiceport = 70000\n", "test"), Errc::configuration);
}

TEST(SpicePorts, TooFewFreeOnesIsSaid) {
  const auto one_only = [](unsigned port) { return port == 5931; };
  EXPECT_EQ(choose_spice_ports(original(6000, 0), k_one, {5930, 5959}, one_only).value()->plain, 5931u);
  const auto none = choose_spice_ports(original(6000, 6001), k_one, {5930, 5959}, one_only);
  ASSERT_FAILS(none, Errc::conflict);
  EXPECT_EQ(none.error().message, "cannot give the clone a SPICE display of its own: too few ports of 5930-5959 are free (key 'spice_ports' in "
                                  "broker.conf); stop a clone, or allow more");
}

TEST(SpicePorts, APortWhereSomebodyListensIsNotFree) {
  const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(socket.get(), 1), 0);
  socklen_t size = sizeof address;
  ASSERT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  EXPECT_FALSE(is_port_free(ntohs(address.sin_port)));
}

}  // namespace
}  // namespace zynclone::broker::xen
