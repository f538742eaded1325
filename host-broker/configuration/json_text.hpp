#pragma once
// JSON as administrators write it, RFC 8259: to a tree whose every value knows its line, so that each mistake can be shown where it is.
// Small and without exceptions; protocol/ has its own reader for messages, which need no lines.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/result.hpp"

namespace zynclone::broker::configuration {

inline constexpr std::size_t k_longest_json_file = 4 * 1024 * 1024;  // bytes
inline constexpr int k_deepest_json_file = 16;
inline constexpr std::size_t k_most_json_file_values = 100'000;

struct JsonMember;

struct JsonNode {
  enum class Type { null, boolean, number, text, list, object };
  Type type = Type::null;
  std::string text;                 // of a text, unescaped; of a number or boolean, as written
  std::vector<JsonNode> items;      // of a list
  std::vector<JsonMember> members;  // of an object, in their order
  unsigned line = 1;
};

struct JsonMember {
  std::string key;
  unsigned line = 1;
  JsonNode value;
};

// Errors: configuration with place "file:line": no JSON, no UTF-8, a key twice, too long, too deep, too much.
Result<JsonNode> parse_json_text(std::string_view untrusted_text, const std::string& file);

std::string_view to_string(JsonNode::Type type);  // for errors: "a number"

// With quotes around it and everything escaped that must be; what is no UTF-8, and NUL, becomes U+FFFD, so that it can be read again.
std::string json_quoted(std::string_view text);

}  // namespace zynclone::broker::configuration
