#include "cli/screen.hpp"

#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <clocale>
#include <cstdlib>
#include <utility>

namespace zynclone::cli {
namespace {

bool begins_code_point(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
}

std::string in_letters(std::string_view text, Letters letters) {
  return letters == Letters::utf8 ? std::string(text) : ascii(text);
}

bool can_be_drawn_on(std::FILE* out) {
  const char* kind = std::getenv("TERM");
  return ::isatty(::fileno(out)) == 1 && kind != nullptr && std::string_view(kind) != "dumb" && *kind != '\0';
}

}  // namespace

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_code_point));
}

std::string cut_to(std::string_view text, std::size_t columns) {
  if (width_of(text) <= columns) return std::string(text);
  std::size_t kept = 0;
  std::size_t end = 0;
  for (; end < text.size(); ++end) {
    if (begins_code_point(text[end]) && ++kept == columns) break;
  }
  return std::string(text.substr(0, end)) + "…";
}

std::string ascii(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 5> k_known{
      {{"→", "->"}, {"…", "..."}, {"✓", "+"}, {"✗", "x"}, {"↶", "<"}}};
  std::string result;
  for (std::size_t position = 0; position < text.size();) {
    std::size_t length = 1;
    while (position + length < text.size() && !begins_code_point(text[position + length])) ++length;
    const std::string_view one = text.substr(position, length);
    const auto* known = std::find_if(k_known.begin(), k_known.end(), [&](const auto& pair) { return pair.first == one; });
    if (static_cast<unsigned char>(one[0]) < 0x80) {
      result += one;
    } else {
      result += known != k_known.end() ? known->second : "?";
    }
    position += length;
  }
  return result;
}

Screen Screen::of_process() {
  std::setlocale(LC_CTYPE, "");
  const bool utf8 = std::string_view(::nl_langinfo(CODESET)) == "UTF-8";
  const auto letters = [utf8](std::FILE* file) { return utf8 || ::isatty(::fileno(file)) == 0 ? Letters::utf8 : Letters::ascii; };
  return Screen(stdout, stderr, can_be_drawn_on(stdout) ? Display::terminal : Display::pipe, letters(stdout), letters(stderr));
}

Screen::Screen(std::FILE* out, std::FILE* errors, Display display, Letters out_letters, Letters error_letters)
    : out_(out), errors_(errors), display_(display), out_letters_(out_letters), error_letters_(error_letters) {}

std::size_t Screen::columns() const {
  winsize size{};
  if (::ioctl(::fileno(out_), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return std::max<std::size_t>(size.ws_col, 20);
}

void Screen::write(std::string_view text) {
  std::string all;
  // ECMA-48: cursor up by n lines (CUU), erase to the end of the screen (ED).
  if (passing_lines_ > 0) all = "\x1b[" + std::to_string(std::exchange(passing_lines_, 0)) + "A\x1b[J";
  all += in_letters(text, out_letters_);
  std::fwrite(all.data(), 1, all.size(), out_);
  std::fflush(out_);
}

void Screen::write_passing(std::string_view lines) {
  if (!terminal()) return;
  write(lines);
  passing_lines_ = static_cast<std::size_t>(std::count(lines.begin(), lines.end(), '\n'));
}

void Screen::write_error(std::string_view line) {
  if (passing_lines_ > 0) write("");
  const std::string text = in_letters(line, error_letters_) + '\n';
  std::fwrite(text.data(), 1, text.size(), errors_);
  std::fflush(errors_);
}

bool Screen::all_written() {
  return std::fflush(out_) == 0 && std::ferror(out_) == 0;
}

}  // namespace zynclone::cli
