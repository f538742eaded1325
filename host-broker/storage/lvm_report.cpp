#include "host-broker/storage/lvm_report.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>

#include "host-broker/storage/copy_name.hpp"
#include "protocol/names.hpp"

namespace zynclone::broker::storage {
namespace {

using Json = nlohmann::json;

constexpr std::string_view k_mapper = "/dev/mapper/";
constexpr std::string_view k_devices = "/dev/";

// lvm(8): which characters names may have; a leading '-' would be an option.
bool is_lvm_name(std::string_view name) {
  constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+_.-";
  return !name.empty() && name.size() <= 127 && name[0] != '-' && name != "." && name != ".." &&
         name.find_first_not_of(allowed) == std::string_view::npos;
}

// "vg0-pos1--root" → vg0, pos1-root: the one '-' that is not doubled divides.
VolumeName parse_mapper_name(std::string_view name) {
  VolumeName parsed;
  std::string* into = &parsed.group;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '-' && i + 1 < name.size() && name[i + 1] == '-') {
      *into += '-';
      ++i;
    } else if (name[i] == '-' && into == &parsed.group) {
      into = &parsed.volume;
    } else {
      *into += name[i];
    }
  }
  return parsed;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find(',', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::string text_of(const Json& volume, const char* key) {
  const auto found = volume.find(key);
  return found != volume.end() && found->is_string() ? found->get<std::string>() : std::string();
}

template <class Number>
std::optional<Number> number_of(const std::string& text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<LogicalVolume> read_volume(const Json& entry) {
  LogicalVolume volume;
  volume.name = text_of(entry, "lv_name");
  const auto size = number_of<std::uint64_t>(text_of(entry, "lv_size"));
  if (volume.name.empty() || !size) return std::nullopt;
  volume.size = *size;
  volume.active = text_of(entry, "lv_active") == "active";
  const auto layout = split(text_of(entry, "lv_layout"));
  const bool thin = std::find(layout.begin(), layout.end(), "thin") != layout.end();
  volume.thin_pool = thin && std::find(layout.begin(), layout.end(), "pool") != layout.end();
  volume.pool = text_of(entry, "pool_lv");
  volume.thin_volume = thin && !volume.thin_pool && !volume.pool.empty();
  volume.origin = text_of(entry, "origin");
  volume.tags = split(text_of(entry, "lv_tags"));
  volume.metadata_size = number_of<std::uint64_t>(text_of(entry, "lv_metadata_size")).value_or(0);
  volume.data_percent = number_of<double>(text_of(entry, "data_percent"));
  volume.metadata_percent = number_of<double>(text_of(entry, "metadata_percent"));
  return volume;
}

}  // namespace

std::string VolumeName::mapper_name() const {
  const auto doubled = [](const std::string& name) {
    std::string text;
    for (const char c : name) text += c == '-' ? std::string("--") : std::string(1, c);
    return text;
  };
  return doubled(group) + "-" + doubled(volume);
}

Result<VolumeName> parse_lvm_path(const std::string& path) {
  TRY(check_path(path));
  VolumeName name;
  if (path.starts_with(k_mapper)) {
    name = parse_mapper_name(std::string_view(path).substr(k_mapper.size()));
  } else if (path.starts_with(k_devices)) {
    const auto rest = path.substr(k_devices.size());
    const auto slash = rest.find('/');
    name.group = rest.substr(0, slash);
    if (slash != std::string::npos) name.volume = rest.substr(slash + 1);
  }
  if (!is_lvm_name(name.group) || !is_lvm_name(name.volume))
    return fail(Errc::invalid_argument, "cannot copy '" + printable(path) +
                                            "': of block devices only thin logical volumes can be copied, named /dev/<group>/<volume>");
  return name;
}

Result<std::vector<LogicalVolume>> parse_lvs_report(std::string_view text) {
  const Json document = Json::parse(text, nullptr, false);
  const auto unreadable = [&] {
    return fail(Errc::storage, "cannot read the report of lvs: it is not as expected: " + printable(text.substr(0, 200)));
  };
  if (!document.is_object() || !document.contains("report") || !document["report"].is_array()) return unreadable();
  std::vector<LogicalVolume> volumes;
  for (const Json& report : document["report"]) {
    if (!report.is_object() || !report.contains("lv") || !report["lv"].is_array()) return unreadable();
    for (const Json& entry : report["lv"]) {
      auto volume = entry.is_object() ? read_volume(entry) : std::nullopt;
      if (!volume) return unreadable();
      volumes.push_back(std::move(*volume));
    }
  }
  return volumes;
}

}  // namespace zynclone::broker::storage
