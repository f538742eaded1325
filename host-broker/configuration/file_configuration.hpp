#pragma once
// Configuration of guests from files: /etc/xen/clone/base.json, overridden by /etc/xen/clone/guest/<vm>.conf. Read anew at each call, so
// that a change counts for the next operation. Files that others than root (or this user) may write are refused. Blocks for a few small
// files; any thread.

#include <filesystem>
#include <map>

#include "host-broker/ports/configuration.hpp"
#include "host-broker/ports/toolstack.hpp"

namespace zynclone::broker::configuration {

struct GuestDraft;
struct NamedVolume;
struct NamedPeripheral;

class FileConfiguration : public Configuration {
 public:
  // `clone_folder` holds base.json and guest/; `xl_folder` the VMs' own configuration files (<vm>.cfg).
  explicit FileConfiguration(std::filesystem::path clone_folder, std::filesystem::path xl_folder = "/etc/xen")
      : clone_folder_(std::move(clone_folder)), xl_folder_(std::move(xl_folder)) {}

  Result<std::vector<VmName>> guests() override;
  Result<GuestConfig> guest(const VmName& vm) override;

  // Every key with its effective value and where that came from. Errors: as of `guest`.
  Result<std::vector<ConfigValue>> explain(const VmName& vm);

  // Every mistake in base.json and all guest/<vm>.conf, each with place "file:line", each once. `disks`: those that a VM has by its own
  // configuration, by VM; a VM that is not in it is not checked for them.
  std::vector<Error> check(const std::map<VmName, std::vector<VmDisk>>& disks = {});

 private:
  std::filesystem::path guest_file(const VmName& vm) const;
  Result<GuestDraft> draft_of(const VmName& vm);
  std::vector<NamedVolume> volumes_of_others(const VmName& vm);
  std::vector<NamedPeripheral> peripherals_of_others(const VmName& vm);

  std::filesystem::path clone_folder_;
  std::filesystem::path xl_folder_;
};

// The mistakes of one text each; for the fuzz targets.
std::vector<Error> check_base_text(std::string_view untrusted_text);
std::vector<Error> check_guest_text(std::string_view untrusted_text);

}  // namespace zynclone::broker::configuration
