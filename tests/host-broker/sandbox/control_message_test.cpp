#include "host-broker/sandbox/control_message.hpp"

#include <gtest/gtest.h>

#include "tests/support/result_matchers.hpp"

namespace zynclone::sandbox {
namespace {

TEST(ControlMessage, ComesBackAsItWas) {
  ControlMessage message("create");
  message.set("name", "pos1 # not a comment");
  message.set("empty", "");
  message.set_list("disk", {"a,b", "c"});
  const auto again = ControlMessage::decode(message.encode().value());
  ASSERT_OK(again);
  EXPECT_EQ(again.value().get("command"), "create");
  EXPECT_EQ(again.value().get("name"), "pos1 # not a comment");
  EXPECT_TRUE(again.value().has("empty"));
  EXPECT_FALSE(again.value().has("other"));
  EXPECT_EQ(again.value().get_list("disk"), (std::vector<std::string>{"a,b", "c"}));
}

TEST(ControlMessage, ValuesThatCannotBeQuotedAreRefused) {
  for (const std::string value : {"a\"b", "a\nb", "\x1b[31m", "\xff"}) {
    ControlMessage message("create");
    message.set("name", value);
    EXPECT_FAILS(message.encode(), Errc::invalid_argument);
  }
}

TEST(ControlMessage, ErrorsCrossWhole) {
  const Error error{Errc::already_exists, "cannot create domain 'x': it \"is\" there", "pos1.cfg:7"};
  const auto reply = ControlMessage::decode(ControlMessage::failure(error).encode().value());
  ASSERT_OK(reply);
  ASSERT_TRUE(reply.value().error());
  EXPECT_EQ(reply.value().error()->code, Errc::already_exists);
  EXPECT_EQ(reply.value().error()->message, "cannot create domain 'x': it 'is' there");
  EXPECT_EQ(reply.value().error()->place, "pos1.cfg:7");
}

TEST(ControlMessage, WhatIsNoMessageIsMalformed) {
  for (const std::string text : {"command", "=", "command=\"x", "a=1\na=2\n", "\xff"}) EXPECT_FAILS(ControlMessage::decode(text), Errc::malformed) << text;
  EXPECT_TRUE(ControlMessage::decode("code=not_found\n").value().error()) << "no status is no success";
}

}  // namespace
}  // namespace zynclone::sandbox
