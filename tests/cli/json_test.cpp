#include "cli/json.hpp"

#include <gtest/gtest.h>

#include "protocol/codec.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/service/messages.hpp"

namespace zynclone::cli {
namespace {

TEST(Json, AsciiStaysAsItIs) {
  const std::string text = "{\n  \"a\": [1, \"b\\n\\u001b~\"]\n}\n";
  EXPECT_EQ(ascii_json(text), text);
  EXPECT_EQ(ascii_json(""), "");
}

TEST(Json, AllElseIsEscaped) {
  EXPECT_EQ(ascii_json("\"\x7f\""), "\"\\u007f\"");
  EXPECT_EQ(ascii_json("\"\xc2\x9b[2J\""), "\"\\u009b[2J\"");
  EXPECT_EQ(ascii_json("\"\xe2\x80\xae\""), "\"\\u202e\"");
  EXPECT_EQ(ascii_json("→é"), "\\u2192\\u00e9");
  EXPECT_EQ(ascii_json("\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf"), "\\ud83d\\ude00\\udbff\\udfff");
}

TEST(Json, TwoObjectsBecomeOneWithTheFieldsOfBoth) {
  EXPECT_EQ(joined_json("{\n  \"a\": {\n    \"b\": 1\n  }\n}", "{\n  \"c\": []\n}"), "{\n  \"a\": {\n    \"b\": 1\n  },\n  \"c\": []\n}");
  EXPECT_EQ(joined_json("{}", "{\n  \"c\": []\n}"), "{\n  \"c\": []\n}");
  const std::string family = protocol::encode_view(tests::sample_family(), 2);
  const std::string both = joined_json(family, protocol::encode_view(protocol::VolumeListing{{tests::sample_volume()}}, 2));
  EXPECT_EQ(protocol::decode_view<protocol::FamilyView>(both).value().clones.size(), 1u) << both;
  EXPECT_EQ(protocol::decode_view<protocol::VolumeListing>(both).value().volumes.at(0).holder, "standby") << both;
}

TEST(Json, WhatIsNoUtf8IsReplaced) {
  EXPECT_EQ(ascii_json("a\x9bz"), "a\\ufffdz");
  EXPECT_EQ(ascii_json("\xc2"), "\\ufffd");
  EXPECT_EQ(ascii_json("\xc0\x80"), "\\ufffd\\ufffd");
  EXPECT_EQ(ascii_json("\xe0\x80\x80"), "\\ufffd\\ufffd\\ufffd");
  EXPECT_EQ(ascii_json("\xed\xa0\x80"), "\\ufffd\\ufffd\\ufffd");
  EXPECT_EQ(ascii_json("\xf4\x90\x80\x80"), "\\ufffd\\ufffd\\ufffd\\ufffd");
  EXPECT_EQ(ascii_json("\xf0\x9f\x98"), "\\ufffd\\ufffd\\ufffd");
}

TEST(Json, ItMeansTheSame) {
  protocol::CloneView clone = tests::sample_clone();
  clone.note = "\x7f\xc2\x9b\xe2\x80\xae → \xf0\x9f\x98\x80 \"\\";
  const std::string text = ascii_json(protocol::encode_view(clone, 2));
  for (const char letter : text) ASSERT_TRUE((letter >= ' ' && letter < 0x7f) || letter == '\n');
  const auto read = protocol::decode_view<protocol::CloneView>(text);
  ASSERT_OK(read);
  EXPECT_EQ(read.value().note, clone.note);
}

}  // namespace
}  // namespace zynclone::cli
