#pragma once
// Configuration in lines of `key=value`: broker.conf, agent.conf, guest/<vm>.conf. Pure; which keys there are and what their
// values mean is the caller's.
//
//   # a comment, on a line of its own or after white space
//   quiesce_timeout = 10s
//   note = "text with a # in it"

#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"

namespace zynclone {

struct KeyValue {
  std::string key;    // [a-z][a-z0-9_]*, or that and '.' and a checked name: shared_volume.sales
  std::string value;  // without white space or quotes around it; may be empty; printable UTF-8
  unsigned line = 0;  // from 1
};

inline constexpr std::size_t k_longest_key_value_text = 64 * 1024;  // bytes
inline constexpr std::size_t k_most_key_values = 1024;

// All lines that can be read and an error for each that cannot. A key that is set twice is an error, because the reader could not
// tell which one counts. Errors: Errc::configuration with place "file:line", in the order of lines.
struct KeyValueScan {
  std::vector<KeyValue> values;
  std::vector<Error> errors;
};
KeyValueScan scan_key_values(std::string_view untrusted_text, const std::string& file);

// The same, or the first error. `file` is used in errors only.
Result<std::vector<KeyValue>> parse_key_values(std::string_view untrusted_text, std::string file);

// "a, b,c" → a, b, c; an empty text is an empty list. Errors: invalid_argument for an empty element.
Result<std::vector<std::string>> split_list(std::string_view text);

// The one of `known` that `word` was probably meant to be (at most a third of its letters differ, or it begins so), or empty.
std::string closest_word(std::string_view word, const std::vector<std::string>& known);

// "allowed are a, b, c", and before it "did you mean 'b'? " where one is close: the end of an error about `word`.
std::string allowed_words(std::string_view word, const std::vector<std::string>& known);

}  // namespace zynclone
