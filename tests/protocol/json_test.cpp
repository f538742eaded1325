#include "protocol/json.hpp"

#include <gtest/gtest.h>

#include "protocol/limits.hpp"

namespace zynclone::protocol {
namespace {

Errc error_of(const std::string& text) {
  const auto parsed = parse_json(text);
  return parsed ? Errc::internal : parsed.error().code;
}

TEST(Json, ReadsWhatItShould) {
  const auto parsed = parse_json(R"({"a":[1,-2,3.5,true,null,"x"],"b":{"c":{}}})");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(dump_json(parsed.value()), R"({"a":[1,-2,3.5,true,null,"x"],"b":{"c":{}}})");
}

TEST(Json, RefusesWhatIsNoJson) {
  for (const char* text : {"", " ", "{", "[1,", "{\"a\":}", "nul", "{} {}", "\"\xff\"", "{\"a\":1,}", "'a'", "\x01"}) {
    EXPECT_EQ(error_of(text), Errc::malformed) << text;
  }
}

TEST(Json, RefusesAKeyThatStandsTwice) { EXPECT_EQ(error_of(R"({"a":1,"a":2})"), Errc::malformed); }

TEST(Json, RefusesInteriorNul) {
  EXPECT_EQ(error_of("\"a\\u0000b\""), Errc::malformed);
  EXPECT_EQ(error_of("{\"a\\u0000b\":1}"), Errc::malformed);
}

TEST(Json, DepthHasALimit) {
  const auto nested = [](int depth) { return std::string(static_cast<std::size_t>(depth), '[') + std::string(static_cast<std::size_t>(depth), ']'); };
  EXPECT_TRUE(parse_json(nested(k_deepest_json)));
  EXPECT_EQ(error_of(nested(k_deepest_json + 1)), Errc::malformed);
  EXPECT_EQ(error_of(std::string(60'000, '[')), Errc::malformed);
}

TEST(Json, CountHasALimit) {
  std::string list = "[0";
  for (std::size_t i = 1; i < k_most_json_values; ++i) list += ",0";
  EXPECT_EQ(error_of(list + "]"), Errc::malformed);
  std::string object = "{\"k\":0";
  for (int i = 0; i < 64; ++i) object += ",\"k" + std::to_string(i) + "\":0";
  EXPECT_EQ(error_of(object + "}"), Errc::malformed);
}

TEST(Json, LengthHasALimit) {
  EXPECT_TRUE(parse_json('"' + std::string(k_longest_message - 2, 'x') + '"'));
  EXPECT_EQ(error_of('"' + std::string(k_longest_message - 1, 'x') + '"'), Errc::too_large);
}

}  // namespace
}  // namespace zynclone::protocol
