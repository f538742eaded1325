#include "host-broker/configuration/file_configuration.hpp"

#include <algorithm>

#include "host-broker/configuration/guest_settings.hpp"
#include "host-broker/configuration/peripheral_settings.hpp"
#include "host-broker/configuration/shared_volumes.hpp"
#include "system/file.hpp"
#include "system/key_value.hpp"
#include "system/trusted_file.hpp"

namespace zynclone::broker::configuration {
namespace {

constexpr std::string_view k_ending = ".conf";

// Nothing in it can name a place; a file that cannot be read has itself as place.
Error at_file(Error error, const std::filesystem::path& file) {
  if (error.code != Errc::system) error.code = Errc::configuration;
  if (error.place.empty()) error.place = file.string();
  return error;
}

GuestDraft start_draft(const VmName& vm, const std::filesystem::path& xl_folder) {
  GuestDraft draft;
  draft.config.vm = vm;
  draft.config.xl_config = (xl_folder / (vm.text() + ".cfg")).string();
  return draft;
}

// base.json may be missing: everything has a default.
void read_base_file(GuestDraft& draft, const std::filesystem::path& file) {
  auto text = read_trusted_file(file, k_longest_json_file);
  if (text) {
    draft.read_base(text.value(), file.string());
  } else if (text.error().code != Errc::not_found) {
    draft.errors.push_back(at_file(text.error(), file));
  }
}

// Errors: refused when there is no file; what is wrong in it is in the draft.
Result<void> read_guest_file(GuestDraft& draft, const std::filesystem::path& file) {
  auto text = read_trusted_file(file, k_longest_key_value_text);
  if (!text && text.error().code == Errc::not_found) {
    return fail(Errc::refused, "cannot use VM '" + draft.config.vm.text() + "': it is not enabled, there is no '" + file.string() + "'");
  }
  if (text) {
    draft.read_guest(text.value(), file.string());
  } else {
    draft.errors.push_back(at_file(text.error(), file));
  }
  return outcome::success();
}

Result<void> check_disks(const GuestConfig& config, const std::vector<VmDisk>& own) {
  std::vector<std::string> devices;
  for (const VmDisk& disk : own) devices.push_back(disk.device);
  for (const std::string& disk : config.disks) {
    if (std::find(devices.begin(), devices.end(), disk) != devices.end()) continue;
    const std::string has = devices.empty() ? "it has none" : allowed_words(disk, devices);
    return fail(Errc::configuration, "cannot use disks '" + disk + "': VM '" + config.vm.text() + "' has no such disk; " + has,
                config.disks_place);
  }
  return outcome::success();
}

// Of each VM anew, the mistakes of base.json are found again.
void add_new(std::vector<Error>& errors, const std::vector<Error>& more) {
  for (const Error& error : more) {
    if (std::find(errors.begin(), errors.end(), error) == errors.end()) errors.push_back(error);
  }
}

}  // namespace

std::filesystem::path FileConfiguration::guest_file(const VmName& vm) const {
  return clone_folder_ / "guest" / (vm.text() + std::string(k_ending));
}

Result<GuestDraft> FileConfiguration::draft_of(const VmName& vm) {
  GuestDraft draft = start_draft(vm, xl_folder_);
  read_base_file(draft, clone_folder_ / "base.json");
  TRY(read_guest_file(draft, guest_file(vm)));
  draft.announce_by_default();
  if (draft.errors.empty()) draft.check_together();
  if (draft.errors.empty() && !draft.config.shared_volumes.empty()) check_named_once(draft, volumes_of_others(vm));
  if (draft.errors.empty() && !draft.config.peripherals.empty()) check_peripherals_named_once(draft, peripherals_of_others(vm));
  draft.config.disks_place = draft.place_of("disks");
  return draft;
}

// A file that cannot be read is its own VM's mistake.
std::vector<NamedVolume> FileConfiguration::volumes_of_others(const VmName& vm) {
  std::vector<NamedVolume> volumes;
  const auto vms = guests();
  if (!vms) return volumes;
  for (const VmName& other : vms.value()) {
    if (other == vm) continue;
    const auto text = read_trusted_file(guest_file(other), k_longest_key_value_text);
    if (!text) continue;
    auto named = volumes_named_in(text.value(), other, guest_file(other).string());
    std::move(named.begin(), named.end(), std::back_inserter(volumes));
  }
  return volumes;
}

std::vector<NamedPeripheral> FileConfiguration::peripherals_of_others(const VmName& vm) {
  std::vector<NamedPeripheral> peripherals;
  const auto vms = guests();
  if (!vms) return peripherals;
  for (const VmName& other : vms.value()) {
    if (other == vm) continue;
    const auto text = read_trusted_file(guest_file(other), k_longest_key_value_text);
    if (!text) continue;
    auto named = peripherals_named_in(text.value(), other, guest_file(other).string());
    std::move(named.begin(), named.end(), std::back_inserter(peripherals));
  }
  return peripherals;
}

Result<std::vector<VmName>> FileConfiguration::guests() {
  TRY(auto names, list_files(clone_folder_ / "guest"));
  std::vector<VmName> vms;
  for (std::string_view name : names) {
    if (!name.ends_with(k_ending)) continue;
    name.remove_suffix(k_ending.size());
    if (auto vm = VmName::parse(name)) vms.push_back(std::move(vm.value()));
  }
  return vms;
}

Result<GuestConfig> FileConfiguration::guest(const VmName& vm) {
  TRY(auto draft, draft_of(vm));
  if (!draft.errors.empty()) return draft.errors.front();
  return std::move(draft.config);
}

Result<std::vector<ConfigValue>> FileConfiguration::explain(const VmName& vm) {
  TRY(auto draft, draft_of(vm));
  if (!draft.errors.empty()) return draft.errors.front();
  std::vector<ConfigValue> values;
  for (const GuestSetting& setting : guest_settings()) {
    values.push_back({setting.key, setting.show(draft.config), draft.place_of(setting.key)});
  }
  for (const SharedVolume& volume : draft.config.shared_volumes) {
    const std::string key = std::string(k_shared_volume_prefix) + volume.name.text();
    values.push_back({key, shared_volume_text(volume), draft.place_of(key)});
  }
  for (const Peripheral& peripheral : draft.config.peripherals) {
    values.push_back({key_of(peripheral), peripheral_text(peripheral), draft.place_of(key_of(peripheral))});
  }
  return values;
}

std::vector<Error> FileConfiguration::check(const std::map<VmName, std::vector<VmDisk>>& disks) {
  GuestDraft base;
  read_base_file(base, clone_folder_ / "base.json");
  std::vector<Error> errors = std::move(base.errors);

  const std::filesystem::path folder = clone_folder_ / "guest";
  auto names = list_files(folder);
  if (!names) {
    errors.push_back(at_file(names.error(), folder));
    return errors;
  }
  for (std::string_view name : names.value()) {
    if (!name.ends_with(k_ending)) continue;
    const std::filesystem::path file = folder / name;
    name.remove_suffix(k_ending.size());
    auto vm = VmName::parse(name);
    if (!vm) {
      errors.push_back(at_file(vm.error(), file));
      continue;
    }
    auto draft = draft_of(vm.value());
    if (!draft) continue;  // removed meanwhile
    if (draft.value().errors.empty()) {
      check_there(draft.value());
      check_own_disks(draft.value(), disks);
    }
    add_new(errors, draft.value().errors);
    const auto found = disks.find(vm.value());
    if (found == disks.end()) continue;
    if (auto checked = check_disks(draft.value().config, found->second); !checked) add_new(errors, {checked.error()});
  }
  return errors;
}

std::vector<Error> check_base_text(std::string_view untrusted_text) {
  GuestDraft draft;
  draft.read_base(untrusted_text, "base.json");
  return std::move(draft.errors);
}

std::vector<Error> check_guest_text(std::string_view untrusted_text) {
  GuestDraft draft;
  draft.read_guest(untrusted_text, "guest.conf");
  draft.announce_by_default();
  draft.check_together();
  return std::move(draft.errors);
}

}  // namespace zynclone::broker::configuration
