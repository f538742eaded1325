#include "system/glob.hpp"

#include <cstddef>

namespace zynclone {

bool glob_matches(std::string_view pattern, std::string_view text) {
  std::size_t at = 0;
  std::size_t in_pattern = 0;
  std::size_t star = std::string_view::npos;  // the last '*' seen; only that one ever needs to take more
  std::size_t star_took_to = 0;
  while (at < text.size()) {
    if (in_pattern < pattern.size() && pattern[in_pattern] == '*') {
      star = in_pattern++;
      star_took_to = at;
    } else if (in_pattern < pattern.size() && pattern[in_pattern] == text[at]) {
      ++in_pattern;
      ++at;
    } else if (star != std::string_view::npos) {
      in_pattern = star + 1;
      at = ++star_took_to;
    } else {
      return false;
    }
  }
  while (in_pattern < pattern.size() && pattern[in_pattern] == '*') ++in_pattern;
  return in_pattern == pattern.size();
}

// A '*' in `narrow` is a letter that only a '*' of `wide` can take, and that is what glob_matches does with it: '*' is tried as a
// wildcard before it is compared as a letter.
bool glob_covers(std::string_view wide, std::string_view narrow) { return glob_matches(wide, narrow); }

}  // namespace zynclone
