#pragma once
// Standard output as it is: a terminal, which can be drawn on again, or a pipe, which gets whole lines. One a program.

#include <cstdio>
#include <string>
#include <string_view>

namespace zynclone::cli {

enum class Display { pipe, terminal };
enum class Letters { ascii, utf8 };  // that can be shown

class Screen {
 public:
  // What standard output is, and what it and standard error can show: the locale says; what is no terminal gets UTF-8.
  static Screen of_process();

  Screen(std::FILE* out, std::FILE* errors, Display display, Letters out_letters = Letters::utf8, Letters error_letters = Letters::utf8);

  bool terminal() const { return display_ == Display::terminal; }
  // Of the terminal, now; at least 20.
  std::size_t columns() const;

  // Text of whole lines. Where the terminal knows no UTF-8, what is not ASCII is replaced: the bytes of UTF-8 hold control characters there.
  void write(std::string_view text);
  // A line on standard error.
  void write_error(std::string_view line);

  // False when something could not be written: a full disk, a closed descriptor.
  bool all_written();

  // On a terminal: lines, each ended by '\n', that stand below all others until the next write. An empty text removes them.
  void write_passing(std::string_view lines);

 private:
  std::FILE* out_;
  std::FILE* errors_;
  Display display_;
  Letters out_letters_;
  Letters error_letters_;
  std::size_t passing_lines_ = 0;
};

// The text cut to so many columns, its end replaced by "…" where something is missing. Counts code points.
std::string cut_to(std::string_view text, std::size_t columns);

// Code points of a valid UTF-8 text.
std::size_t width_of(std::string_view text);

// What is not ASCII replaced: → by ->, … by ..., ✓ by +, ✗ by x, ↶ by <, else '?'.
std::string ascii(std::string_view text);

}  // namespace zynclone::cli
