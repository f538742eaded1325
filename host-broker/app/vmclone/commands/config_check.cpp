#include <filesystem>

#include "cli/text.hpp"
#include "host-broker/app/vmclone/commands/commands.hpp"
#include "host-broker/app/vmclone/json_lines.hpp"
#include "host-broker/app/vmclone/vm_devices.hpp"
#include "host-broker/configuration/file_configuration.hpp"
#include "host-broker/ports/peripherals.hpp"

namespace zynclone::broker::vmclone {
namespace {

using configuration::FileConfiguration;

std::string place_of(FileConfiguration& guests, const VmName& vm, const std::string& key) {
  const auto values = guests.explain(vm);
  if (!values) return {};
  for (const ConfigValue& value : values.value()) {
    if (value.key == key) return value.place;
  }
  return {};
}

// No mistake: the interface may be about to come.
void check_mask(FileConfiguration& guests, const GuestConfig& config, const std::string& key, VifMask mask, const std::set<unsigned>& interfaces,
                std::vector<Error>& warnings) {
  if (mask.value == ~0ull) return;  // all that there are
  const std::string place = place_of(guests, config.vm, key);
  for (unsigned index = 0; index < 64; ++index) {
    if (!mask.allows(index) || interfaces.contains(index)) continue;
    warnings.push_back({Errc::configuration, "warning: " + key + " allows interface " + std::to_string(index) + ", which " + config.xl_config + " does not have", place});
  }
}

// What the original is given at each start by its own file does not follow production. No clone gets it (xen/render).
void check_peripherals(FileConfiguration& guests, const GuestConfig& config, const OwnDevices& own, std::vector<Error>& mistakes, std::vector<Error>& warnings) {
  const auto key_of = [](const Peripheral& peripheral) { return "peripheral." + peripheral.name.text(); };
  std::set<const PassedDevice*> told;
  for (const Peripheral& peripheral : config.peripherals) {
    const std::string key = key_of(peripheral);
    for (const PassedDevice& passed : own.passed) {
      const auto same = parse_peripheral("x", passed.device);
      if (!same || !may_be_same(same.value(), peripheral)) continue;
      told.insert(&passed);
      mistakes.push_back({Errc::configuration, "cannot use " + key + " '" + peripheral_text(peripheral) + "': " + config.xl_config + " has the device too, in " + passed.key +
                                                   ", and so the original would have it at each start, whoever has production; take it out there", place_of(guests, config.vm, key)});
    }
    if (peripheral.kind == protocol::PeripheralKind::pci && !own.why_no_pci.empty()) {
      warnings.push_back({Errc::configuration, "warning: " + key + " is a PCI device, and " + config.xl_config + ' ' + own.why_no_pci, place_of(guests, config.vm, key)});
    }
    if (peripheral.kind == protocol::PeripheralKind::usb && !own.can_have_usb) {
      warnings.push_back({Errc::configuration, "warning: " + key + " is a USB device, and " + config.xl_config +
                                                   " gives the VM no QEMU, which serves those; add usbctrl = [\"type=qusb,version=2,ports=8\"] there", place_of(guests, config.vm, key)});
    }
  }
  if (config.peripherals.empty()) return;
  const std::string place = place_of(guests, config.vm, key_of(config.peripherals.front()));
  for (const PassedDevice& passed : own.passed) {
    if (told.contains(&passed)) continue;
    warnings.push_back({Errc::configuration, "warning: " + passed.key + " '" + printable(passed.text) + "' in " + config.xl_config +
                                                 " is the original's at each start, whoever has production, and no clone's; where it is to follow production, name it as a peripheral instead", place});
  }
}

// Of the VMs that are enabled and whose own configuration is right; what is wrong in an original's file goes into `mistakes`.
std::map<VmName, std::vector<VmDisk>> find_disks(FileConfiguration& guests, configuration::ToolstackKind toolstack,
                                                        std::vector<Error>& mistakes, std::vector<Error>& warnings) {
  std::map<VmName, std::vector<VmDisk>> disks;
  const auto vms = guests.guests();
  if (!vms) return disks;
  for (const VmName& vm : vms.value()) {
    const auto config = guests.guest(vm);
    if (!config) continue;  // its mistakes are found by check
    auto found = own_devices_of(config.value(), toolstack);
    if (!found) {
      mistakes.push_back(std::move(found).error());
      continue;
    }
    if (!found.value().has_uuid) {
      mistakes.push_back({Errc::configuration, "cannot clone VM '" + vm.text() + "': its configuration has no uuid, by which its family is known; add a line uuid = \"...\", "
                                               "with that of its running domain ('xl list -v') or any other before its next start", config.value().xl_config});
    }
    check_mask(guests, config.value(), "clone_vif_mask", config.value().clone_vif_mask, found.value().interfaces, warnings);
    check_mask(guests, config.value(), "original_vif_mask", config.value().original_vif_mask, found.value().interfaces, warnings);
    check_peripherals(guests, config.value(), found.value(), mistakes, warnings);
    disks.emplace(vm, std::move(found.value().disks));
  }
  return disks;
}

bool exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

// "broker.conf, base.json and 2 VMs": what was there to be read.
std::string read_text(const HostFiles& files) {
  const auto settings = files.settings();
  if (!settings) return {};
  std::string text;
  if (exists(files.broker_conf)) text += std::filesystem::path(files.broker_conf).filename().string();
  if (exists(settings.value().clone_dir + "/base.json")) text += (text.empty() ? "" : ", ") + std::string("base.json");
  const auto vms = FileConfiguration(settings.value().clone_dir, settings.value().xl_dir).guests();
  const std::size_t count = vms ? vms.value().size() : 0;
  return text + (text.empty() ? "" : " and ") + std::to_string(count) + (count == 1 ? " VM" : " VMs");
}

std::vector<Error> find_mistakes(const HostFiles& files, std::vector<Error>& warnings) {
  // The usual file may be left out; one that was named may not.
  if (files.broker_conf != HostFiles::k_usual_conf && !exists(files.broker_conf)) {
    return {Error{Errc::configuration, "cannot read '" + files.broker_conf + "': no such file", files.broker_conf}};
  }
  auto mistakes = configuration::check_broker_settings(files.broker_conf);
  const auto settings = files.settings();
  // With a broken broker.conf nobody knows where the rest is.
  if (!settings) return mistakes;
  FileConfiguration guests(settings.value().clone_dir, settings.value().xl_dir);
  const auto disks = find_disks(guests, settings.value().toolstack, mistakes, warnings);
  auto of_guests = guests.check(disks);
  std::move(of_guests.begin(), of_guests.end(), std::back_inserter(mistakes));
  return mistakes;
}

Result<cli::ExitCode> check(cli::Session& session, const HostFiles& files) {
  std::vector<Error> warnings;
  const auto mistakes = find_mistakes(files, warnings);
  if (session.json()) {
    session.write_json(JsonObject().list("errors", json_of(mistakes)).list("warnings", json_of(warnings)).str());
  } else if (mistakes.empty()) {
    session.screen().write("no mistakes in " + printable(read_text(files)) + '\n');
  } else {
    for (const Error& mistake : mistakes) session.screen().write_error("vmclone: " + cli::error_text(mistake));
  }
  if (!session.json()) {
    for (const Error& warning : warnings) session.screen().write_error("vmclone: " + cli::error_text(warning));
  }
  return mistakes.empty() ? cli::ExitCode::done : cli::ExitCode::failed;
}

}  // namespace

void add_config_check(const cli::Command& parent, cli::Session& session, HostFiles& files) {
  add_local(parent, session, files, "check", "read all configuration and name file and line of every mistake",
            [&] { return check(session, files); });
}

}  // namespace zynclone::broker::vmclone
