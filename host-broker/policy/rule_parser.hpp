#pragma once
// One file of policy text to rules. Internal to policy/.

#include "host-broker/policy/rule_set.hpp"

namespace zynclone::broker::policy {

// Where a word begins in its line, for errors with a column.
struct Word {
  std::string_view text;
  unsigned column = 1;  // in bytes, from 1
};

// Adds what can be read to `rules` and a mistake for each that cannot to `errors`.
void parse_rules(const PolicyText& file, std::vector<Rule>& rules, std::vector<Error>& errors);

// Reads `name=value` into `options`; `seen` collects the names, as none may stand twice. Errors: configuration, without a place.
Result<void> parse_option(std::string_view word, Options& options, std::vector<std::string>& seen);

}  // namespace zynclone::broker::policy
