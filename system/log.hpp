#pragma once
// Log lines on standard error, one write each, from any thread. Under systemd (JOURNAL_STREAM) a line begins with its priority
// (sd-daemon(3)), else with time and level. Without spdlog: the guest's agent logs by this too, and has to stay small.

#include <string_view>

namespace zynclone {

// What is not printable in `text` (a guest may have chosen it) is replaced by \xNN; see printable().
void log_info(std::string_view text);
void log_warning(std::string_view text);
void log_error(std::string_view text);

}  // namespace zynclone
