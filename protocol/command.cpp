#include "protocol/command.hpp"

#include <algorithm>

#include "protocol/limits.hpp"
#include "protocol/names.hpp"

namespace zynclone::protocol {
namespace {

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::string_view("-_./=:,+@%").find(c) != std::string_view::npos;
}

}  // namespace

Result<void> check_command(const std::vector<std::string>& command) {
  constexpr const char* k_place = "/params/command";
  const auto refuse = [&](const std::string& why) { return fail(Errc::invalid_argument, "cannot run the command: " + why, k_place); };
  if (command.empty() || command.front().empty()) return refuse("it names no program");
  if (command.size() > k_most_command_words) {
    return refuse("it has " + std::to_string(command.size()) + " words; at most " + std::to_string(k_most_command_words) + " are allowed");
  }
  std::size_t total = 0;
  for (const std::string& word : command) {
    if (word.size() > k_longest_text) return refuse("a word of it is longer than " + std::to_string(k_longest_text) + " bytes");
    if (word.find('\0') != std::string::npos) return refuse("a word of it has a NUL byte");
    total += word.size();
  }
  if (total > k_longest_command) {
    return refuse("it has " + std::to_string(total) + " bytes; at most " + std::to_string(k_longest_command) + " are allowed");
  }
  return outcome::success();
}

std::string command_text(const std::vector<std::string>& command, std::size_t longest) {
  std::string text;
  for (const std::string& word : command) {
    if (!text.empty()) text += ' ';
    const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), is_plain);
    text += plain ? word : '"' + word + '"';
    if (text.size() > longest * 2) break;
  }
  text = printable(text);
  if (text.size() <= longest) return text;
  return std::string(cut_text(text, longest - 3)) + "…";
}

}  // namespace zynclone::protocol
