#include "host-broker/configuration/shared_volumes.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "host-broker/configuration/setting_values.hpp"

namespace zynclone::broker::configuration {
namespace {

constexpr std::size_t k_longest_filesystem = 16;

bool is_filesystem(std::string_view text) {
  return !text.empty() && text.size() <= k_longest_filesystem && text.front() >= 'a' && text.front() <= 'z' &&
         std::all_of(text.begin(), text.end(), [](char letter) {
           return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || letter == '_' || letter == '-';
         });
}

std::string key_of(const SharedVolume& volume) { return std::string(k_shared_volume_prefix) + volume.name.text(); }

void refuse(GuestDraft& draft, const SharedVolume& volume, const std::string& value, const std::string& why) {
  draft.errors.push_back({Errc::configuration, "cannot use " + key_of(volume) + " '" + printable(value) + "': " + why, draft.place_of(key_of(volume))});
}

}  // namespace

Result<SharedVolume> read_shared_volume(std::string_view name, std::string_view value) {
  SharedVolume volume;
  auto checked = VolumeName::parse(name);
  if (!checked) return allowed(checked.error().message);
  volume.name = std::move(checked.value());
  const auto parts = split_list(value);
  if (!parts || parts.value().size() < 3 || parts.value().size() > 4) {
    return allowed("<device>,<format>,<path>[,<file system>] is allowed, such as xvds,lvm-thin,/dev/vg0/sales,ext4");
  }
  volume.device = parts.value()[0];
  if (volume.device.size() != 4 || !volume.device.starts_with("xvd") || volume.device[3] < 'a' || volume.device[3] > 'z') {
    return allowed("'" + printable(volume.device) + "' is no device for a shared volume; xvda to xvdz are allowed");
  }
  auto format = parse_volume_format(parts.value()[1]);
  if (!format) return allowed(format.error().message);
  volume.volume.format = format.value();
  auto path = read_path(parts.value()[2]);
  if (!path) return allowed("'" + printable(parts.value()[2]) + "' is no path; " + path.error().message);
  volume.volume.path = std::move(path.value());
  if (parts.value().size() == 3) return volume;
  volume.filesystem = parts.value()[3];
  if (!is_filesystem(volume.filesystem)) {
    return allowed("'" + printable(volume.filesystem) + "' is no file system; a word such as ext4, xfs, ntfs is allowed, or none");
  }
  return volume;
}

std::string shared_volume_text(const SharedVolume& volume) {
  return volume.device + ',' + std::string(to_string(volume.volume.format)) + ',' + volume.volume.path +
         (volume.filesystem.empty() ? "" : ',' + volume.filesystem);
}

// Two names of a logical volume are links to one device, and two paths may lead to one file.
std::string volume_identity(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return path;
  if (S_ISBLK(status.st_mode)) return "device " + std::to_string(status.st_rdev);
  return "file " + std::to_string(status.st_dev) + ' ' + std::to_string(status.st_ino);
}

std::vector<NamedVolume> volumes_named_in(std::string_view text, const VmName& vm, const std::string& file) {
  std::vector<NamedVolume> named;
  for (const KeyValue& line : scan_key_values(text, file).values) {
    if (!line.key.starts_with(k_shared_volume_prefix)) continue;
    const auto volume = read_shared_volume(std::string_view(line.key).substr(k_shared_volume_prefix.size()), line.value);
    if (volume) named.push_back({vm, volume_identity(volume.value().volume.path), file + ':' + std::to_string(line.line)});
  }
  return named;
}

void check_named_once(GuestDraft& draft, const std::vector<NamedVolume>& of_others) {
  std::map<std::string, const SharedVolume*> devices;
  std::map<std::string, const SharedVolume*> seen;
  for (const SharedVolume& volume : draft.config.shared_volumes) {
    const std::string& path = volume.volume.path;
    const std::string identity = volume_identity(path);
    if (const auto [first, is_new] = devices.emplace(volume.device, &volume); !is_new) {
      refuse(draft, volume, volume.device, key_of(*first->second) + " has this device");
    }
    if (const auto [first, is_new] = seen.emplace(identity, &volume); !is_new) {
      refuse(draft, volume, path, key_of(*first->second) + " is the same volume");
    }
    for (const NamedVolume& other : of_others) {
      if (other.identity != identity) continue;
      refuse(draft, volume, path, "VM '" + other.vm.text() + "' names it too (" + other.place + "); a volume belongs to one VM and its clones");
    }
  }
}

void check_there(GuestDraft& draft) {
  struct stat status {};
  for (const SharedVolume& volume : draft.config.shared_volumes) {
    const std::string& path = volume.volume.path;
    if (::stat(path.c_str(), &status) != 0) {
      refuse(draft, volume, path, "there is nothing of this name");
    } else if (volume.volume.format == VolumeFormat::lvm_thin && !S_ISBLK(status.st_mode)) {
      refuse(draft, volume, path, "it is no block device, as lvm-thin says; qcow2 and raw are files");
    } else if (volume.volume.format != VolumeFormat::lvm_thin && !S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode)) {
      refuse(draft, volume, path, "it is no file");
    }
  }
}

void check_own_disks(GuestDraft& draft, const std::map<VmName, std::vector<VmDisk>>& disks) {
  for (const SharedVolume& volume : draft.config.shared_volumes) {
    const std::string identity = volume_identity(volume.volume.path);
    for (const auto& [vm, own] : disks) {
      for (const VmDisk& disk : own) {
        if (vm == draft.config.vm && disk.device == volume.device) {
          refuse(draft, volume, volume.device, "it is a disk of the VM's own (" + draft.config.xl_config + ")");
        }
        if (volume_identity(disk.volume.path) != identity) continue;
        refuse(draft, volume, volume.volume.path, "it is the own disk " + disk.device + " of VM '" + vm.text() +
                                                      "'; take it out of that VM's own configuration, for the broker attaches it");
      }
    }
  }
}

}  // namespace zynclone::broker::configuration
