#include "host-broker/app/zynclone-link/arguments.hpp"

#include <gtest/gtest.h>

namespace zynclone::broker::link {
namespace {

Result<Arguments> parse(std::vector<const char*> values) {
  values.insert(values.begin(), "zynclone-link");
  return parse_arguments(static_cast<int>(values.size()), values.data());
}

TEST(LinkArguments, EachTransport) {
  auto vchan = parse({"--fd", "3", "--domain", "17", "--transport", "vchan"});
  ASSERT_TRUE(vchan) << vchan.error().message;
  EXPECT_EQ(vchan.value().broker, 3);
  EXPECT_EQ(vchan.value().domain.value, 17u);
  EXPECT_EQ(vchan.value().transport, Transport::vchan);
  EXPECT_EQ(parse({"--fd", "3", "--domain", "17", "--transport", "mailbox"}).value().transport, Transport::mailbox);
  auto unix_socket = parse({"--transport", "unix", "--path", "/run/x.sock", "--fd", "3", "--domain", "17"});
  ASSERT_TRUE(unix_socket);
  EXPECT_EQ(unix_socket.value().path, "/run/x.sock");
}

TEST(LinkArguments, SelfTestStandsAlone) {
  EXPECT_TRUE(parse({"--self-test"}).value().self_test);
  EXPECT_FALSE(parse({"--self-test", "--fd"}));
}

TEST(LinkArguments, WhatIsWrongIsNamed) {
  const std::pair<std::vector<const char*>, const char*> mistakes[] = {
      {{}, "--fd"},
      {{"--fd", "3", "--transport", "vchan"}, "--domain"},
      {{"--fd", "-1", "--domain", "1", "--transport", "vchan"}, "-1"},
      {{"--fd", "3x", "--domain", "1", "--transport", "vchan"}, "3x"},
      {{"--fd", "3", "--domain", "40000", "--transport", "vchan"}, "40000"},
      {{"--fd", "3", "--domain", "1", "--transport", "tcp"}, "tcp"},
      {{"--fd", "3", "--domain", "1", "--transport", "unix"}, "--path"},
      {{"--fd", "3", "--domain", "1", "--transport", "vchan", "--path", "/x"}, "/x"},
      {{"--fd", "3", "--domain", "1", "--transport"}, "--transport"},
      {{"--verbose", "3"}, "--verbose"},
  };
  for (const auto& [arguments, named] : mistakes) {
    auto parsed = parse(arguments);
    ASSERT_FALSE(parsed) << named;
    EXPECT_EQ(parsed.error().code, Errc::invalid_argument);
    EXPECT_NE(parsed.error().message.find(named), std::string::npos) << parsed.error().message;
  }
}

}  // namespace
}  // namespace zynclone::broker::link
