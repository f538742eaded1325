#include "system/key_value.hpp"

#include <gtest/gtest.h>

namespace zynclone {
namespace {

TEST(KeyValue, ReadsLinesCommentsAndQuotes) {
  auto parsed = parse_key_values(
      "# comment\n"
      "\n"
      "  first=1\n"
      "second = two words \t # comment\r\n"
      "third = \"a # b \" # comment\n"
      "fourth=\n"
      "fifth=a#b",
      "x.conf");
  ASSERT_TRUE(parsed) << parsed.error().message;
  const std::vector<std::tuple<std::string, std::string, unsigned>> expected = {
      {"first", "1", 3}, {"second", "two words", 4}, {"third", "a # b ", 5}, {"fourth", "", 6}, {"fifth", "a#b", 7}};
  ASSERT_EQ(parsed.value().size(), expected.size());
  for (std::size_t at = 0; at < expected.size(); ++at) {
    const KeyValue& read = parsed.value()[at];
    EXPECT_EQ(std::tie(read.key, read.value, read.line), expected[at]);
  }
}

TEST(KeyValue, AValueMayHoldAnEqualsSign) {
  EXPECT_EQ(parse_key_values("a=b=c", "x").value().front().value, "b=c");
}

TEST(KeyValue, AKeyMayEndInAName) {
  const auto read = parse_key_values("shared_volume.Till-2.sales = /srv/sales\n", "x.conf");
  ASSERT_TRUE(read);
  EXPECT_EQ(read.value().at(0).key, "shared_volume.Till-2.sales");
  for (const std::string key : {"shared_volume.", "shared_volume.-x", "shared_volume.a/b", ".sales", "Shared.sales"}) {
    EXPECT_FALSE(parse_key_values(key + "=x\n", "x.conf")) << key;
  }
}

TEST(KeyValue, EveryMistakeHasItsPlace) {
  struct Case {
    std::string_view text;
    std::string_view place;
    std::string_view says;
  };
  const std::vector<Case> cases = {
      {"word\n", "x.conf:1", "key=value"},
      {"a=1\n=2\n", "x.conf:2", "key ''"},
      {"Big=1\n", "x.conf:1", "small letters"},
      {"a b=1\n", "x.conf:1", "key 'a b'"},
      {"a=1\n\na=2\n", "x.conf:3", "line 1"},
      {"a=\"open\n", "x.conf:1", "closing"},
      {"a=\"x\" y\n", "x.conf:1", "only a comment"},
      {std::string_view("a=\0\n", 4), "x.conf:1", "control character"},
      {"a=\x1b[31m\n", "x.conf:1", "control character"},
      {"a=\xff\n", "x.conf:1", "not UTF-8"},
  };
  for (const Case& c : cases) {
    auto parsed = parse_key_values(c.text, "x.conf");
    ASSERT_FALSE(parsed) << c.text;
    EXPECT_EQ(parsed.error().code, Errc::configuration);
    EXPECT_EQ(parsed.error().place, c.place) << c.text;
    EXPECT_NE(parsed.error().message.find(c.says), std::string::npos) << parsed.error().message;
  }
}

TEST(KeyValue, ScanGivesAllMistakesAndWhatIsRight) {
  auto scan = scan_key_values("a=1\nb\nc=3\nD=4\n", "x.conf");
  ASSERT_EQ(scan.values.size(), 2u);
  EXPECT_EQ(scan.values[1].key, "c");
  ASSERT_EQ(scan.errors.size(), 2u);
  EXPECT_EQ(scan.errors[0].place, "x.conf:2");
  EXPECT_EQ(scan.errors[1].place, "x.conf:4");
}

TEST(KeyValue, TooMuchIsRefused) {
  EXPECT_FALSE(parse_key_values("#" + std::string(k_longest_key_value_text, 'x'), "x"));
  std::string text;
  for (std::size_t at = 0; at <= k_most_key_values; ++at) text += "k" + std::to_string(at) + "=1\n";
  EXPECT_FALSE(parse_key_values(text, "x"));
}

TEST(KeyValue, SplitsLists) {
  EXPECT_EQ(split_list("").value(), std::vector<std::string>());
  EXPECT_EQ(split_list(" \t").value(), std::vector<std::string>());
  EXPECT_EQ(split_list("a, b ,c").value(), (std::vector<std::string>{"a", "b", "c"}));
  for (std::string_view text : {",", "a,", ",a", "a,,b", "a, ,b"}) EXPECT_FALSE(split_list(text)) << text;
}

TEST(KeyValue, SuggestsTheClosestWord) {
  const std::vector<std::string> known = {"clones", "rate", "approvers"};
  EXPECT_EQ(closest_word("clone", known), "clones");
  EXPECT_EQ(closest_word("approvals", known), "approvers");
  EXPECT_EQ(closest_word("appr", known), "approvers");
  EXPECT_EQ(closest_word("zebra", known), "");
  EXPECT_EQ(closest_word(std::string(10'000, 'x'), known), "");
  EXPECT_EQ(allowed_words("rat", known), "did you mean 'rate'? allowed are clones, rate, approvers");
  EXPECT_EQ(allowed_words("zebra", known), "allowed are clones, rate, approvers");
}

}  // namespace
}  // namespace zynclone
