#include "guest-agent-core/text.hpp"

namespace zynclone::agent {

std::string_view tail(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  text.remove_prefix(text.size() - most);
  while (!text.empty() && (static_cast<unsigned char>(text.front()) & 0xc0) == 0x80) text.remove_prefix(1);
  return text;
}

std::string_view last_line(std::string_view text) {
  constexpr std::size_t k_longest_line = 200;
  const std::size_t end = text.find_last_not_of(" \t\r\n");
  if (end == std::string_view::npos) return {};
  text = text.substr(0, end + 1);
  const std::size_t begin = text.find_last_of('\n');
  return tail(begin == std::string_view::npos ? text : text.substr(begin + 1), k_longest_line);
}

std::string it_said(std::string_view output) {
  const std::string_view line = last_line(output);
  return line.empty() ? std::string() : " (it said: " + std::string(line) + ")";
}

}  // namespace zynclone::agent
