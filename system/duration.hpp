#pragma once
// Spans of time as people write them in configuration, policy and on the command line: "250ms", "10s", "15m", "2h", "1d".

#include <chrono>
#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace zynclone {

// A whole number and one unit of ms, s, m, h, d, with nothing between them; at most 3650d, so that sums of a few never overflow.
// "0s" is a duration. Errors: invalid_argument with the text and what is allowed.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

// The shortest text that parse_duration reads as the same time: 90000 ms is "90s", 3600000 ms is "1h". Negative times are "0s".
std::string format_duration(std::chrono::milliseconds time);

// What something took, for people: "1.2 s"; below a tenth of a second "0.034 s".
std::string seconds_text(std::chrono::milliseconds time);

}  // namespace zynclone
