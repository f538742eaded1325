#pragma once
// Points of time as people write them on a command line, by the clock of this machine's wall. Pure but for the time zone (TZ).

#include <string_view>

#include "protocol/names.hpp"

namespace zynclone::cli {

// "06:00": the next one after `now`. "2026-11-22T06:00" or "2026-11-22 06:00", with or without seconds: local time. RFC 3339,
// "2026-11-22T06:00:00Z" or with "+01:00": that moment. Errors: invalid_argument with the text and what is allowed, also for a time that a
// change of clocks leaves out.
Result<Timestamp> parse_when(std::string_view text, Timestamp now);

}  // namespace zynclone::cli
