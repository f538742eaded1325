#include "host-broker/configuration/guest_settings.hpp"

#include <sys/socket.h>

#include <algorithm>

#include "host-broker/configuration/peripheral_settings.hpp"
#include "host-broker/configuration/setting_values.hpp"
#include "host-broker/configuration/shared_volumes.hpp"
#include "protocol/codec.hpp"
#include "system/duration.hpp"

namespace zynclone::broker::configuration {
namespace {

using protocol::VifMode;
using std::chrono::milliseconds;

const std::vector<std::string> k_mac_words = {"fresh", "original"};        // in the order of MacRule
const std::vector<std::string> k_channel_words = {"vchan", "mailbox", "none"};

const std::string k_unlimited = "unlimited";

using Config = GuestConfig;
using View = std::string_view;
using Settings = std::vector<GuestSetting>;
constexpr auto k_text = ValueKind::text;
constexpr auto k_number = ValueKind::number;
constexpr auto k_list = ValueKind::list;
constexpr auto k_both = GuestSetting::Where::both;

template <auto Member>
GuestSetting word_setting(std::string key) {
  return {std::move(key), {k_text}, k_both, [](View v, Config& c) { return store(read_word<std::remove_reference_t<decltype(c.*Member)>>(v), c.*Member); },
          [](const Config& c) { return std::string(to_string(c.*Member)); }};
}

template <VifMask Config::*Member>
GuestSetting mask_setting(std::string key) {
  return {std::move(key), {k_text, k_number}, k_both, [](View v, Config& c) { return store(read_mask(v), c.*Member); },
          [](const Config& c) { return mask_text(c.*Member); }};
}

template <VifAllowance Config::*Allowance>
GuestSetting mode_setting(std::string key) {
  return {std::move(key), {k_text}, k_both, [](View v, Config& c) { return store(read_word<VifMode>(v), (c.*Allowance).mode); },
          [](const Config& c) { return std::string(to_string((c.*Allowance).mode)); }};
}

template <VifAllowance Config::*Allowance, std::vector<std::string> VifAllowance::*Member, int Kind>
GuestSetting address_setting(std::string key) {
  return {std::move(key), {k_text, k_list}, k_both, [](View v, Config& c) { return store(read_addresses(v, Kind), (c.*Allowance).*Member); },
          [](const Config& c) { return list_text((c.*Allowance).*Member); }};
}

constexpr std::int64_t in_ms(milliseconds time) { return time.count(); }

template <milliseconds Config::*Member, std::int64_t LeastMs, std::int64_t MostMs>
GuestSetting duration_setting(std::string key) {
  return {std::move(key), {k_text}, k_both,
          [](View v, Config& c) { return store(read_duration(v, milliseconds(LeastMs), milliseconds(MostMs)), c.*Member); },
          [](const Config& c) { return format_duration(c.*Member); }};
}

// What a clone is made of, and where it stands.
Settings network_settings() {
  return {
      {"config", {k_text}, GuestSetting::Where::guest_only, [](View v, Config& c) { return store(read_path(v), c.xl_config); },
       [](const Config& c) { return c.xl_config; }},
      {"mac", {k_text}, k_both,
       [](View v, Config& c) -> Result<void> {
         TRY(auto choice, read_choice(v, k_mac_words));
         c.macs = static_cast<MacRule>(choice);
         return outcome::success();
       },
       [](const Config& c) { return k_mac_words[static_cast<std::size_t>(c.macs)]; }},
      word_setting<&Config::clone_network>("clone_network"),
      mask_setting<&Config::original_vif_mask>("original_vif_mask"),
      mask_setting<&Config::clone_vif_mask>("clone_vif_mask"),
      mode_setting<&Config::original_allowance>("original_vif_mode"),
      address_setting<&Config::original_allowance, &VifAllowance::ipv4, AF_INET>("original_ipv4"),
      address_setting<&Config::original_allowance, &VifAllowance::ipv6, AF_INET6>("original_ipv6"),
      mode_setting<&Config::clone_allowance>("clone_vif_mode"),
      address_setting<&Config::clone_allowance, &VifAllowance::ipv4, AF_INET>("clone_ipv4"),
      address_setting<&Config::clone_allowance, &VifAllowance::ipv6, AF_INET6>("clone_ipv6"),
  };
}

Settings limit_settings() {
  return {
      {"clones", {k_number}, k_both, [](View v, Config& c) { return store(read_number(v, 0, 1000), c.most_clones); },
       [](const Config& c) { return std::to_string(c.most_clones); }},
      {"storage", {k_text, k_number}, k_both,
       [](View v, Config& c) -> Result<void> {
         c.most_storage.reset();
         if (v == k_unlimited) return outcome::success();
         TRY(c.most_storage, read_size(v));
         return outcome::success();
       },
       [](const Config& c) { return c.most_storage ? size_text(*c.most_storage) : k_unlimited; }},
      duration_setting<&Config::quiesce_timeout, 100, in_ms(std::chrono::minutes(10))>("quiesce_timeout"),
      duration_setting<&Config::shutdown_timeout, 1000, in_ms(std::chrono::hours(1))>("shutdown_timeout"),
      {"channel", {k_text}, k_both,
       [](View v, Config& c) -> Result<void> {
         TRY(auto choice, read_choice(v, k_channel_words));
         c.channel = k_channel_words[choice];
         return outcome::success();
       },
       [](const Config& c) { return c.channel; }},
      {"disks", {k_text, k_list}, k_both, [](View v, Config& c) { return store(read_devices(v), c.disks); },
       [](const Config& c) { return list_text(c.disks); }},
  };
}

Settings cutover_settings() {
  return {
      duration_setting<&Config::release_timeout, 1000, in_ms(std::chrono::minutes(10))>("release_timeout"),
      duration_setting<&Config::health_timeout, 1000, in_ms(std::chrono::hours(1))>("health_timeout"),
      duration_setting<&Config::probation, in_ms(k_shortest_probation), in_ms(k_longest_probation)>("probation"),
      word_setting<&Config::after_probation>("after_probation"),
      {"announce", {k_text, k_list}, k_both, [](View v, Config& c) { return store(read_own_addresses(v), c.announce); },
       [](const Config& c) { return list_text(c.announce); }},
  };
}

// In the order in which they are shown.
Settings make_settings() {
  Settings all;
  for (Settings some : {network_settings(), limit_settings(), cutover_settings()}) std::move(some.begin(), some.end(), std::back_inserter(all));
  return all;
}

std::vector<std::string> setting_names(GuestSetting::Where where) {
  std::vector<std::string> names;
  for (const GuestSetting& setting : guest_settings()) {
    if (where == GuestSetting::Where::guest_only || setting.where == GuestSetting::Where::both) names.push_back(setting.key);
  }
  if (where != GuestSetting::Where::guest_only) return names;
  for (std::string_view prefix : {k_shared_volume_prefix, k_peripheral_prefix}) names.push_back(std::string(prefix) + "<name>");
  return names;
}

std::string kinds_text(const GuestSetting& setting) {
  std::string text;
  for (ValueKind kind : setting.kinds) {
    text += text.empty() ? "" : " or ";
    text += kind == ValueKind::text ? "a text" : kind == ValueKind::number ? "a number" : "a list of texts";
  }
  return text;
}

// The node as guest/<vm>.conf would write it. Errors: what is allowed.
Result<std::string> plain_value(const GuestSetting& setting, const JsonNode& node) {
  const auto may_be = [&](ValueKind kind) { return std::find(setting.kinds.begin(), setting.kinds.end(), kind) != setting.kinds.end(); };
  const auto refuse = [&] {
    return fail(Errc::configuration, "cannot use " + setting.key + ": " + kinds_text(setting) + " is allowed, not " +
                                         std::string(to_string(node.type)));
  };
  if (node.type == JsonNode::Type::text && may_be(ValueKind::text)) return node.text;
  if (node.type == JsonNode::Type::number && may_be(ValueKind::number)) return node.text;
  if (node.type != JsonNode::Type::list || !may_be(ValueKind::list)) return refuse();
  std::vector<std::string> list;
  for (const JsonNode& item : node.items) {
    if (item.type != JsonNode::Type::text || item.text.empty() || item.text.find(',') != std::string::npos) return refuse();
    list.push_back(item.text);
  }
  return list_text(list);
}

const GuestSetting* find_setting(std::string_view key) {
  for (const GuestSetting& setting : guest_settings()) {
    if (setting.key == key) return &setting;
  }
  return nullptr;
}

}  // namespace

const std::vector<GuestSetting>& guest_settings() {
  static const std::vector<GuestSetting> settings = make_settings();
  return settings;
}

void GuestDraft::set(const std::string& key, std::string_view value, std::string place) {
  auto done = find_setting(key)->set(value, config);
  if (done) {
    places[key] = std::move(place);
  } else {
    errors.push_back({Errc::configuration, "cannot use " + key + " '" + printable(value) + "': " + done.error().message, std::move(place)});
  }
}

void GuestDraft::read_base(std::string_view text, const std::string& file) {
  auto document = parse_json_text(text, file);
  if (!document) {
    errors.push_back(document.error());
    return;
  }
  if (document.value().type != JsonNode::Type::object) {
    errors.push_back({Errc::configuration, "cannot read defaults: an object is allowed, not " +
                                               std::string(to_string(document.value().type)), file + ":1"});
    return;
  }
  for (const JsonMember& member : document.value().members) {
    const std::string place = file + ":" + std::to_string(member.line);
    const GuestSetting* setting = find_setting(member.key);
    const bool is_named = member.key.starts_with(k_shared_volume_prefix) || member.key.starts_with(k_peripheral_prefix);
    if (setting == nullptr && !is_named) {
      errors.push_back({Errc::configuration, "cannot use key '" + printable(member.key) + "': " +
                                                 allowed_words(member.key, setting_names(GuestSetting::Where::both)), place});
    } else if (is_named || setting->where == GuestSetting::Where::guest_only) {
      errors.push_back({Errc::configuration, "cannot use key '" + printable(member.key) + "' here: it is allowed in guest/<vm>.conf", place});
    } else if (auto value = plain_value(*setting, member.value); !value) {
      errors.push_back({Errc::configuration, value.error().message, place});
    } else {
      set(member.key, value.value(), place);
    }
  }
}

void GuestDraft::read_guest(std::string_view text, const std::string& file) {
  KeyValueScan scan = scan_key_values(text, file);
  errors.insert(errors.end(), scan.errors.begin(), scan.errors.end());
  for (const KeyValue& line : scan.values) {
    const std::string place = file + ":" + std::to_string(line.line);
    if (line.key.starts_with(k_shared_volume_prefix)) {
      add_shared_volume(line, place);
    } else if (line.key.starts_with(k_peripheral_prefix)) {
      add_peripheral(line, place);
    } else if (find_setting(line.key) == nullptr) {
      errors.push_back({Errc::configuration, "cannot use key '" + line.key + "': " +
                                                 allowed_words(line.key, setting_names(GuestSetting::Where::guest_only)), place});
    } else {
      set(line.key, line.value, place);
    }
  }
}

void GuestDraft::add_shared_volume(const KeyValue& line, std::string place) {
  auto volume = read_shared_volume(std::string_view(line.key).substr(k_shared_volume_prefix.size()), line.value);
  if (volume) {
    config.shared_volumes.push_back(std::move(volume.value()));
    places[line.key] = std::move(place);
  } else {
    errors.push_back({Errc::configuration, "cannot use " + line.key + " '" + printable(line.value) + "': " + volume.error().message, std::move(place)});
  }
}

void GuestDraft::add_peripheral(const KeyValue& line, std::string place) {
  auto peripheral = parse_peripheral(std::string_view(line.key).substr(k_peripheral_prefix.size()), line.value);
  if (peripheral) {
    config.peripherals.push_back(std::move(peripheral.value()));
    places[line.key] = std::move(place);
  } else {
    errors.push_back({Errc::configuration, "cannot use " + line.key + " '" + printable(line.value) + "': " + peripheral.error().message, std::move(place)});
  }
}

// What the original alone may be addressed by moves with production, where nothing else is said.
void GuestDraft::announce_by_default() {
  if (places.contains("announce")) return;
  for (const auto* addresses : {&config.original_allowance.ipv4, &config.original_allowance.ipv6}) {
    std::copy_if(addresses->begin(), addresses->end(), std::back_inserter(config.announce), is_own_address);
  }
}

void GuestDraft::check_together() {
  for (const auto& [member, allowance] : {std::pair<std::string, const VifAllowance*>{"original", &config.original_allowance},
                                          {"clone", &config.clone_allowance}}) {
    if (allowance->mode != VifMode::locked || !allowance->ipv4.empty() || !allowance->ipv6.empty()) continue;
    errors.push_back({Errc::configuration, "cannot use " + member + "_vif_mode 'locked' without addresses: " + member + "_ipv4 or " + member +
                                               "_ipv6 must list some (or use disabled)", place_of(member + "_vif_mode")});
  }
}

std::string GuestDraft::place_of(const std::string& key) const {
  const auto found = places.find(key);
  return found == places.end() ? "default" : found->second;
}

}  // namespace zynclone::broker::configuration
