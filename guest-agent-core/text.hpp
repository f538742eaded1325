#pragma once
// Small helpers on texts that hooks gave.

#include <string>
#include <string_view>

namespace zynclone::agent {

// The last line of a text that is not empty; at most 200 bytes of it, its end.
std::string_view last_line(std::string_view text);

// " (it said: <last line>)", to be put behind an error; empty where it said nothing.
std::string it_said(std::string_view output);

// The last bytes of a text, at most `most`, beginning at a whole UTF-8 character.
std::string_view tail(std::string_view text, std::size_t most);

}  // namespace zynclone::agent
