#include "host-broker/sandbox/domain_spec.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>

#include "system/file.hpp"
#include "system/key_value.hpp"

namespace zynclone::sandbox {
namespace {

constexpr std::size_t k_largest_file = 64 * 1024;
constexpr unsigned k_most_of_a_kind = 16;
constexpr std::size_t k_longest_interface = 15;  // IFNAMSIZ

bool is_device(std::string_view text) {
  return !text.empty() && text.size() <= 16 && std::all_of(text.begin(), text.end(), [](unsigned char letter) { return std::isalnum(letter) != 0; });
}

bool is_interface(std::string_view text) {
  return !text.empty() && text.size() <= k_longest_interface && std::all_of(text.begin(), text.end(), [](unsigned char letter) {
    return std::isalnum(letter) != 0 || letter == '-' || letter == '_' || letter == '.';
  });
}

// "disk12" with prefix "disk" → 12.
std::optional<unsigned> number_after(std::string_view key, std::string_view prefix) {
  if (!key.starts_with(prefix)) return std::nullopt;
  key.remove_prefix(prefix.size());
  unsigned number = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), number);
  if (error != std::errc() || end != key.data() + key.size() || number >= k_most_of_a_kind) return std::nullopt;
  return number;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (true) {
    const auto begin = text.find_first_not_of(' ');
    if (begin == std::string_view::npos) return words;
    text.remove_prefix(begin);
    const auto end = std::min(text.find(' '), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

Result<void> set(DomainSpec& spec, const KeyValue& line) {
  if (line.key == "uuid") {
    TRY(spec.uuid, Uuid::parse(line.value));
  } else if (line.key == "agent") {
    if (line.value != "yes" && line.value != "no")
      return fail(Errc::configuration, "cannot use agent '" + printable(line.value) + "': yes and no are allowed");
    spec.has_agent = line.value == "yes";
  } else if (line.key.starts_with("agent_")) {
    spec.agent_settings[line.key.substr(std::string_view("agent_").size())] = line.value;
  } else if (number_after(line.key, "disk")) {
    TRY(auto disk, parse_disk(line.value));
    spec.disks.push_back(std::move(disk));
  } else if (const auto index = number_after(line.key, "vif")) {
    TRY(auto vif, parse_vif(line.value, *index));
    spec.vifs.push_back(std::move(vif));
  } else if (number_after(line.key, "run")) {
    auto words = words_of(line.value);
    if (words.empty()) return fail(Errc::configuration, "cannot use empty '" + line.key + "': a program and its arguments are allowed");
    spec.programs.push_back(std::move(words));
  } else {
    return fail(Errc::configuration, "cannot set '" + line.key + "': no such key; " +
                                         allowed_words(line.key, {"uuid", "agent", "disk0", "vif0", "run0"}) + " (numbers up to " +
                                         std::to_string(k_most_of_a_kind - 1) + ")");
  }
  return outcome::success();
}

}  // namespace

Result<broker::VmDisk> parse_disk(std::string_view untrusted_text) {
  const auto failed = [&] {
    return fail(Errc::invalid_argument, "cannot use disk '" + printable(untrusted_text) +
                                            "': device,format,path[,ro] is allowed, with an absolute path");
  };
  TRY(const auto parts, split_list(untrusted_text));
  if (parts.size() < 3 || parts.size() > 4 || !is_device(parts[0]) || !parts[2].starts_with('/')) return failed();
  if (parts.size() == 4 && parts[3] != "ro" && parts[3] != "rw") return failed();
  broker::VmDisk disk;
  disk.device = parts[0];
  TRY(disk.volume.format, broker::parse_volume_format(parts[1]));
  disk.volume.path = parts[2];
  disk.writable = parts.size() < 4 || parts[3] == "rw";
  return disk;
}

Result<broker::CloneDomain::Vif> parse_vif(std::string_view untrusted_text, unsigned index) {
  const auto failed = [&] {
    return fail(Errc::invalid_argument, "cannot use vif '" + printable(untrusted_text) +
                                            "': MAC,bridge[,backend[,interface]] is allowed, the MAC may be auto");
  };
  TRY(const auto parts, split_list(untrusted_text));
  if (parts.size() < 2 || parts.size() > 4 || !is_interface(parts[1])) return failed();
  broker::CloneDomain::Vif vif;
  vif.index = index;
  if (parts[0] != "auto") {
    TRY(const auto mac, MacAddress::parse(parts[0]));
    vif.mac = mac.text();
  }
  vif.bridge = parts[1];
  if (parts.size() > 2) {
    // A backend in a driver domain would need that domain; the sandbox has but the control domain's.
    if (parts[2] != "0") return failed();
    vif.backend = parts[2];
  }
  if (parts.size() > 3) {
    if (!is_interface(parts[3])) return failed();
    vif.interface = parts[3];
  }
  return vif;
}

std::string disk_text(const broker::VmDisk& disk) {
  return disk.device + "," + std::string(broker::to_string(disk.volume.format)) + "," + disk.volume.path + (disk.writable ? "" : ",ro");
}

std::string vif_text(const broker::CloneDomain::Vif& vif) {
  return (vif.mac.empty() ? "auto" : vif.mac) + "," + vif.bridge + "," + vif.backend + (vif.interface.empty() ? "" : "," + vif.interface);
}

Result<DomainSpec> parse_domain_spec(std::string_view untrusted_text, const std::string& file, std::string name) {
  DomainSpec spec;
  spec.name = std::move(name);
  TRY(const auto lines, parse_key_values(untrusted_text, file));
  for (const KeyValue& line : lines) {
    if (auto done = set(spec, line); !done)
      return fail(Errc::configuration, done.error().message, file + ":" + std::to_string(line.line));
  }
  if (spec.uuid.text().empty()) return fail(Errc::configuration, "cannot read '" + file + "': 'uuid' is not set", file + ":1");
  std::sort(spec.vifs.begin(), spec.vifs.end(), [](const auto& left, const auto& right) { return left.index < right.index; });
  return spec;
}

Result<DomainSpec> read_domain_spec(const std::string& file) {
  auto text = read_file(file, k_largest_file);
  if (!text) return fail(Errc::configuration, text.error().message, file);
  const std::filesystem::path path(file);
  auto name = path.extension() == ".cfg" ? VmName::parse(path.stem().string()) : VmName::parse(path.filename().string());
  if (!name) return fail(Errc::configuration, name.error().message, file);
  return parse_domain_spec(text.value(), file, name.value().text());
}

}  // namespace zynclone::sandbox
