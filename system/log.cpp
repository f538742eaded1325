#include "system/log.hpp"

#include <cstdlib>
#include <ctime>
#include <string>
#include <unistd.h>

#include "protocol/names.hpp"

namespace zynclone {
namespace {

// Numbers of syslog(3), which systemd reads in angle brackets.
enum class Level { error = 3, warning = 4, info = 6 };

std::string_view word_of(Level level) {
  switch (level) {
    case Level::error: return "error";
    case Level::warning: return "warning";
    case Level::info: return "info";
  }
  return "";
}

std::string prefix_of(Level level) {
  // The journal keeps time itself; systemd sets the variable when standard error is connected to it.
  const bool under_systemd = std::getenv("JOURNAL_STREAM") != nullptr;
  if (under_systemd) return "<" + std::to_string(static_cast<int>(level)) + ">";
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm local{};
  localtime_r(&now.tv_sec, &local);
  char time[32];
  const std::size_t length = std::strftime(time, sizeof time, "%H:%M:%S", &local);
  char milliseconds[8];
  milliseconds[0] = '.';
  const long value = now.tv_nsec / 1'000'000;
  milliseconds[1] = static_cast<char>('0' + value / 100);
  milliseconds[2] = static_cast<char>('0' + value / 10 % 10);
  milliseconds[3] = static_cast<char>('0' + value % 10);
  return std::string(time, length) + std::string(milliseconds, 4) + " " + std::string(word_of(level)) + ": ";
}

void write_line(Level level, std::string_view text) {
  const std::string line = prefix_of(level) + printable(text) + "\n";
  // A log that cannot be written has nowhere to be reported.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace

void log_info(std::string_view text) { write_line(Level::info, text); }
void log_warning(std::string_view text) { write_line(Level::warning, text); }
void log_error(std::string_view text) { write_line(Level::error, text); }

}  // namespace zynclone
