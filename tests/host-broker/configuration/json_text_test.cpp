#include "host-broker/configuration/json_text.hpp"

#include <gtest/gtest.h>

#include "protocol/names.hpp"

namespace zynclone::broker::configuration {
namespace {

Result<JsonNode> parse(std::string_view text) { return parse_json_text(text, "x.json"); }

TEST(JsonText, ReadsValuesWithTheirLines) {
  auto document = parse("{\n \"a\": 1,\n \"b\": [true,\n  \"x\"],\n \"c\": {}\n}\n");
  ASSERT_TRUE(document) << document.error().message;
  const JsonNode& root = document.value();
  ASSERT_EQ(root.members.size(), 3u);
  EXPECT_EQ(root.members[0].line, 2u);
  EXPECT_EQ(root.members[0].value.text, "1");
  EXPECT_EQ(root.members[1].value.items[1].line, 4u);
  EXPECT_EQ(root.members[1].value.items[0].type, JsonNode::Type::boolean);
  EXPECT_EQ(root.members[2].line, 5u);
}

TEST(JsonText, ReadsEscapes) {
  EXPECT_EQ(parse(R"("a\"\\\/\n\t\u00e4\u20ac\ud83d\ude00")").value().text, "a\"\\/\n\t\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
}

TEST(JsonText, ReadsNumbersAsWritten) {
  for (std::string_view text : {"0", "-0", "12", "-1.5", "1e9", "1.25E-3", "18446744073709551615"}) {
    auto node = parse(text);
    ASSERT_TRUE(node) << text;
    EXPECT_EQ(node.value().type, JsonNode::Type::number);
    EXPECT_EQ(node.value().text, text);
  }
}

TEST(JsonText, EachMistakeHasItsLineAndCause) {
  struct Case {
    std::string text;
    std::string place;
    std::string says;
  };
  const std::vector<Case> cases = {
      {"", "x.json:1", "at the end of the file"},
      {"{\n\"a\": 1\n", "x.json:3", "',' or '}' is missing at the end"},
      {"{\n\"a\" 1}", "x.json:2", "':' is missing before '1'"},
      {"{\"a\": 1,\n}", "x.json:2", "a key in double quotes is missing before '}'"},
      {"{\"a\": 1\n\"b\": 2}", "x.json:2", "',' or '}' is missing before '\"b\"'"},
      {"{'a': 1}", "x.json:1", "a key in double quotes"},
      {"{\n\"a\": 1,\n\"a\": 2}", "x.json:3", "stands twice, first in line 2"},
      {"[1,]", "x.json:1", "a value is missing"},
      {"[1 2]", "x.json:1", "',' or ']'"},
      {"tru", "x.json:1", "a value is missing before 'tru'"},
      {"01", "x.json:1", "a value is missing"},
      {"1.", "x.json:1", "a value is missing"},
      {"+1", "x.json:1", "a value is missing"},
      {"NaN", "x.json:1", "a value is missing"},
      {"1 2", "x.json:1", "only white space"},
      {"\"abc", "x.json:1", "closing"},
      {"\"ab\nc\"", "x.json:1", "closing"},
      {"\"a\tb\"", "x.json:1", "control character"},
      {"\"\\x\"", "x.json:1", "is allowed"},
      {"\"\\u12g4\"", "x.json:1", "four hexadecimal"},
      {"\"\\u0000\"", "x.json:1", "not allowed"},
      {"\"\\ud800\"", "x.json:1", "not UTF-8"},
      {"\"\\ud800\\u0041\"", "x.json:1", "pair is broken"},
      {"\"\xff\"", "x.json:1", "not UTF-8"},
      {"\"\xc0\x80\"", "x.json:1", "not UTF-8"},
      {"\"\xed\xa0\x80\"", "x.json:1", "not UTF-8"},
      {"// comment\n1", "x.json:1", "a value is missing"},
      {std::string(20, '['), "x.json:1", "levels"},
      {std::string(k_longest_json_file + 1, ' '), "x.json:1", "longer than"},
  };
  for (const Case& c : cases) {
    auto parsed = parse(c.text);
    ASSERT_FALSE(parsed) << c.text.substr(0, 40);
    EXPECT_EQ(parsed.error().code, Errc::configuration);
    EXPECT_EQ(parsed.error().place, c.place) << c.text.substr(0, 40);
    EXPECT_NE(parsed.error().message.find(c.says), std::string::npos) << parsed.error().message;
    EXPECT_EQ(printable(parsed.error().message), parsed.error().message);
  }
}

TEST(JsonText, TooManyValuesAreRefused) {
  std::string text = "[0";
  for (std::size_t at = 0; at < k_most_json_file_values; ++at) text += ",0";
  EXPECT_FALSE(parse(text + "]"));
}

TEST(JsonText, WhatIsQuotedCanBeReadAgain) {
  for (const std::string& text : {std::string("plain"), std::string("\"\\\n\x01\x7f"), std::string("\xc3\xa4\xf0\x9f\x98\x80")}) {
    EXPECT_EQ(parse(json_quoted(text)).value().text, text);
  }
  EXPECT_EQ(parse(json_quoted(std::string("a\0b\xff", 4))).value().text, "a\xef\xbf\xbd" "b\xef\xbf\xbd");
}

}  // namespace
}  // namespace zynclone::broker::configuration
