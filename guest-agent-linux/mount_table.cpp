#include "guest-agent-linux/mount_table.hpp"

#include <charconv>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "system/file.hpp"

namespace zynclone::agent {
namespace {

constexpr std::size_t k_longest_table = 4 << 20;

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find(' '), line.size());
    if (end > 0) words.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return words;
}

// The kernel writes blank, tab, line break and backslash as \ooo.
std::string unescaped(std::string_view word) {
  std::string text;
  for (std::size_t i = 0; i < word.size(); ++i) {
    unsigned code = 0;
    const char* const digits = word.data() + i + 1;
    const bool is_escape = word[i] == '\\' && i + 3 < word.size() && std::from_chars(digits, digits + 3, code, 8).ptr == digits + 3;
    text += is_escape ? static_cast<char>(code) : word[i];
    if (is_escape) i += 3;
  }
  return text;
}

std::optional<dev_t> device_of(std::string_view word) {
  const std::size_t colon = word.find(':');
  unsigned major = 0;
  unsigned minor = 0;
  if (colon == std::string_view::npos) return std::nullopt;
  const char* const end = word.data() + word.size();
  if (std::from_chars(word.data(), end, major).ptr != word.data() + colon) return std::nullopt;
  if (std::from_chars(word.data() + colon + 1, end, minor).ptr != end) return std::nullopt;
  return makedev(major, minor);
}

// 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
std::optional<MountEntry> read_line(std::string_view line) {
  constexpr std::size_t k_device = 2;
  constexpr std::size_t k_mount_point = 4;
  constexpr std::size_t k_first_optional = 6;
  const auto words = words_of(line);
  std::size_t separator = k_first_optional;
  while (separator < words.size() && words[separator] != "-") ++separator;
  if (separator + 2 >= words.size()) return std::nullopt;
  const auto device = device_of(words[k_device]);
  if (!device) return std::nullopt;
  return MountEntry{*device, unescaped(words[k_mount_point]), unescaped(words[separator + 1]), unescaped(words[separator + 2])};
}

std::optional<ino_t> mount_namespace_of(const std::string& process) {
  struct stat status {};
  if (::stat(("/proc/" + process + "/ns/mnt").c_str(), &status) != 0) return std::nullopt;
  return status.st_ino;
}

}  // namespace

std::vector<MountEntry> parse_mount_table(std::string_view text) {
  std::vector<MountEntry> table;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (auto entry = read_line(text.substr(0, end))) table.push_back(std::move(*entry));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return table;
}

Result<std::vector<MountEntry>> read_mount_table(const std::string& process) {
  TRY(const std::string text, read_file("/proc/" + process + "/mountinfo", k_longest_table));
  return parse_mount_table(text);
}

bool has_own_mount_namespace() {
  const auto own = mount_namespace_of("self");
  auto others = mount_namespace_of("1");
  // An init that guards itself tells nobody; the kernel's own threads have the first namespace, too.
  const auto name = read_file("/proc/2/comm", 64);
  if (!others && name && name.value() == "kthreadd\n") others = mount_namespace_of("2");
  return own && others && *own != *others;
}

}  // namespace zynclone::agent
