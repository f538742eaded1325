#include "host-broker/configuration/broker_settings.hpp"

#include "host-broker/configuration/setting_values.hpp"
#include "system/duration.hpp"
#include "system/key_value.hpp"
#include "system/trusted_file.hpp"

namespace zynclone::broker::configuration {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using View = std::string_view;

struct Setting {
  std::string key;
  Result<void> (*set)(View value, BrokerSettings& settings);  // errors: what is allowed
  std::string (*show)(const BrokerSettings& settings);
};

const std::vector<std::string>& toolstack_words() {
  static const std::vector<std::string> words = {"xl", "sandbox"};  // in the order of ToolstackKind
  return words;
}

Result<Reserve> read_reserve(View text) {
  if (text.ends_with('%')) {
    if (auto percent = read_number(text.substr(0, text.size() - 1), 0, 99)) {
      return Reserve{.percent = static_cast<unsigned>(percent.value())};
    }
  } else if (auto bytes = read_size(text)) {
    return Reserve{.bytes = bytes.value()};
  }
  return fail(Errc::configuration, "a part from 0% to 99%, or a size such as 1GiB is allowed");
}

std::string reserve_text(const Reserve& reserve) {
  return reserve.percent ? std::to_string(*reserve.percent) + "%" : size_text(reserve.bytes);
}

Result<void> read_ports(View text, BrokerSettings& settings) {
  constexpr std::uint64_t k_least = 1024;
  constexpr std::uint64_t k_most = 65535;
  const auto dash = text.find('-');
  const auto first = read_number(text.substr(0, dash), k_least, k_most);
  const auto last = dash == View::npos ? first : read_number(text.substr(dash + 1), k_least, k_most);
  if (!first || !last || first.value() > last.value()) return fail(Errc::configuration, "a range of ports from 1024 to 65535, such as 5930-5959, is allowed");
  settings.first_spice_port = static_cast<unsigned>(first.value());
  settings.last_spice_port = static_cast<unsigned>(last.value());
  return outcome::success();
}

template <std::string BrokerSettings::*Member>
Setting path_setting(std::string key) {
  return {std::move(key), [](View v, BrokerSettings& s) { return store(read_path(v), s.*Member); },
          [](const BrokerSettings& s) { return s.*Member; }};
}

template <Reserve BrokerSettings::*Member>
Setting reserve_setting(std::string key) {
  return {std::move(key), [](View v, BrokerSettings& s) { return store(read_reserve(v), s.*Member); },
          [](const BrokerSettings& s) { return reserve_text(s.*Member); }};
}

template <milliseconds BrokerSettings::*Member, std::int64_t LeastMs, std::int64_t MostMs>
Setting duration_setting(std::string key) {
  return {std::move(key),
          [](View v, BrokerSettings& s) { return store(read_duration(v, milliseconds(LeastMs), milliseconds(MostMs)), s.*Member); },
          [](const BrokerSettings& s) { return format_duration(s.*Member); }};
}

constexpr std::int64_t ms(milliseconds time) { return time.count(); }

const std::vector<Setting>& settings_table() {
  using S = BrokerSettings;
  static const std::vector<Setting> table = {
      path_setting<&S::state_dir>("state_dir"),
      path_setting<&S::run_dir>("run_dir"),
      path_setting<&S::policy_dir>("policy_dir"),
      path_setting<&S::clone_dir>("clone_dir"),
      path_setting<&S::xl_dir>("xl_dir"),
      {"toolstack", [](View v, S& s) { return store(read_choice(v, toolstack_words()), s.toolstack); },
       [](const S& s) { return toolstack_words()[static_cast<std::size_t>(s.toolstack)]; }},
      path_setting<&S::sandbox_dir>("sandbox_dir"),
      path_setting<&S::link_program>("link_program"),
      reserve_setting<&S::reserve_data>("reserve_data"),
      reserve_setting<&S::reserve_metadata>("reserve_metadata"),
      reserve_setting<&S::reserve_files>("reserve_files"),
      duration_setting<&S::lockdown_timeout, ms(milliseconds(100)), ms(seconds(600))>("lockdown_timeout"),
      duration_setting<&S::approval_timeout, ms(seconds(1)), ms(hours(24 * 7))>("approval_timeout"),
      {"most_pending_approvals", [](View v, S& s) { return store(read_number(v, 1, 1000), s.most_pending_approvals); },
       [](const S& s) { return std::to_string(s.most_pending_approvals); }},
      {"guest_messages", [](View v, S& s) { return store(read_number(v, 1, 1'000'000), s.guest_messages); },
       [](const S& s) { return std::to_string(s.guest_messages); }},
      {"spice_ports", read_ports, [](const S& s) { return std::to_string(s.first_spice_port) + "-" + std::to_string(s.last_spice_port); }},
      // A day at least: rate limits of policy are counted from the journal.
      duration_setting<&S::history, ms(hours(24)), ms(hours(24 * 3650))>("history"),
  };
  return table;
}

void set(BrokerSettingsDraft& draft, const KeyValue& line, const std::string& place) {
  std::vector<std::string> keys;
  for (std::size_t at = 0; at < settings_table().size(); ++at) {
    const Setting& setting = settings_table()[at];
    keys.push_back(setting.key);
    if (setting.key != line.key) continue;
    draft.values[at].place = place;
    if (auto done = setting.set(line.value, draft.settings); !done) {
      draft.errors.push_back({Errc::configuration, "cannot use " + line.key + " '" + printable(line.value) + "': " + done.error().message, place});
    }
    return;
  }
  draft.errors.push_back({Errc::configuration, "cannot use key '" + line.key + "': " + allowed_words(line.key, keys), place});
}

}  // namespace

std::uint64_t Reserve::of(std::uint64_t whole) const {
  if (!percent) return bytes;
  return whole / 100 * *percent + (whole % 100 * *percent + 99) / 100;
}

BrokerSettingsDraft read_broker_settings(std::string_view untrusted_text, const std::string& file) {
  BrokerSettingsDraft draft;
  for (const Setting& setting : settings_table()) draft.values.push_back({setting.key, "", "default"});

  KeyValueScan scan = scan_key_values(untrusted_text, file);
  draft.errors = std::move(scan.errors);
  std::string toolstack_place = file + ":1";
  for (const KeyValue& line : scan.values) {
    const std::string place = file + ":" + std::to_string(line.line);
    if (line.key == "toolstack") toolstack_place = place;
    set(draft, line, place);
  }
  if (draft.settings.toolstack == ToolstackKind::sandbox && draft.settings.sandbox_dir.empty()) {
    draft.errors.push_back({Errc::configuration, "cannot use toolstack 'sandbox': sandbox_dir must say where it is", toolstack_place});
  }
  for (std::size_t at = 0; at < draft.values.size(); ++at) draft.values[at].value = settings_table()[at].show(draft.settings);
  return draft;
}

std::vector<Error> check_broker_settings(const std::filesystem::path& file) {
  auto text = read_trusted_file(file, k_longest_key_value_text);
  if (text) return read_broker_settings(text.value(), file.string()).errors;
  if (text.error().code == Errc::not_found) return {};
  return {text.error()};
}

Result<BrokerSettings> load_broker_settings(const std::filesystem::path& file) {
  auto text = read_trusted_file(file, k_longest_key_value_text);
  if (!text && text.error().code == Errc::not_found) return BrokerSettings{};
  if (!text) return text.error();
  BrokerSettingsDraft draft = read_broker_settings(text.value(), file.string());
  if (!draft.errors.empty()) return draft.errors.front();
  return std::move(draft.settings);
}

}  // namespace zynclone::broker::configuration
