#include <array>
#include <cstdio>

#include "cli/text.hpp"
#include "protocol/codec.hpp"
#include "system/size.hpp"

namespace zynclone::cli {
namespace {

std::string mask_text(std::uint64_t mask) {
  if (mask == ~0ull) return "all";
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "0x%llx", static_cast<unsigned long long>(mask));
  return text.data();
}

// While a clone is made nobody knows yet how consistent its disks will be.
std::string disks_text(const protocol::CloneView& clone) {
  if (clone.state == protocol::CloneState::creating) return "-";
  switch (clone.consistency) {
    case protocol::Consistency::offline: return "offline";
    case protocol::Consistency::filesystem: return "filesystem-consistent";
    case protocol::Consistency::crash: return "crash-consistent";
    case protocol::Consistency::live: return "live, with the memory of the same instant";
  }
  return "?";
}

// "0 disabled, 1 locked"; with addresses: "0 disabled 00:16:3e:00:00:01, …"
std::string interfaces_text(const std::vector<protocol::VifView>& vifs, bool with_addresses) {
  std::string text;
  for (const auto& vif : vifs) {
    if (!text.empty()) text += ", ";
    text += std::to_string(vif.index) + " " + std::string(to_string(vif.mode));
    if (with_addresses && !vif.mac.empty()) text += " " + printable(vif.mac);
  }
  return text.empty() ? "none" : text;
}

std::string disk_text(const protocol::DiskView& disk) {
  std::string text = printable(disk.device) + " " + (disk.size == 0 ? "-" : size_text(disk.size)) + " " + printable(disk.format);
  if (disk.location) text += " " + printable(*disk.location);
  return text;
}

// In a list: what ends the clone by itself, or keeps it.
std::string kept_text(const protocol::CloneView& clone) {
  if (clone.is_protected) return "protected";
  return clone.expires ? time_text(*clone.expires) : "-";
}

std::string expires_text(const protocol::CloneView& clone) {
  if (!clone.expires) return {};
  return "  expires     " + time_text(*clone.expires) + (clone.is_protected ? ", but not while it is protected" : "") + '\n';
}

bool is_apart(const protocol::CloneView& clone) { return clone.network == protocol::CloneNetwork::isolated; }

std::vector<std::string> row_of(const protocol::CloneView& clone) {
  return {clone.vm.text(), clone.name.text(), std::string(to_string(clone.state)), std::string(to_string(clone.mode)),
          disks_text(clone), interfaces_text(clone.vifs, false) + (is_apart(clone) ? ", isolated" : ""), time_text(clone.created), kept_text(clone), printable(clone.note)};
}

}  // namespace

std::string clones_text(const std::vector<protocol::CloneView>& clones) {
  if (clones.empty()) return "no clones\n";
  std::vector<std::vector<std::string>> rows{{"VM", "CLONE", "STATE", "MODE", "DISKS", "INTERFACES", "CREATED", "EXPIRES", "NOTE"}};
  for (const auto& clone : clones) rows.push_back(row_of(clone));
  return table_text(rows);
}

std::string clone_text(const protocol::CloneView& clone) {
  std::string text = "clone " + clone.name.text() + " of " + clone.vm.text() + '\n';
  text += "  state       " + std::string(to_string(clone.state)) + '\n';
  if (clone.domain) text += "  domain      " + std::to_string(*clone.domain) + '\n';
  text += "  mode        " + std::string(to_string(clone.mode)) + ", disks " + disks_text(clone) + '\n';
  text += "  created     " + time_text(clone.created) + '\n';
  text += expires_text(clone);
  if (clone.is_protected) text += "  protected   yes\n";
  text += "  uuid        " + clone.uuid.text() + '\n';
  text += "  interfaces  " + interfaces_text(clone.vifs, true) + '\n';
  if (is_apart(clone)) text += "  network     isolated: a bridge for this family's isolated clones, until it has production; the clone's mask does not count there\n";
  if (clone.awaits_identity) text += "  identity    not taken yet by its agent: it is silent until then, whatever its mask says\n";
  text += "  masks       clone " + mask_text(clone.clone_vif_mask) + ", original " + mask_text(clone.original_vif_mask) + '\n';
  for (const auto& disk : clone.disks) text += "  disk        " + disk_text(disk) + '\n';
  if (!clone.note.empty()) text += "  note        " + printable(clone.note) + '\n';
  return text;
}

std::string family_text(const protocol::FamilyView& family, const std::vector<protocol::VolumeView>& volumes,
                        const std::vector<protocol::PeripheralView>& peripherals) {
  std::string text = "family of " + family.vm.text() + '\n';
  if (!family.self.empty()) text += "  this is     " + printable(family.self) + ", " + std::string(to_string(family.role)) + '\n';
  text += "  production  " + (family.production.empty() ? "none" : printable(family.production)) + '\n';
  if (family.probation) text += "  probation   " + probation_text(*family.probation) + '\n';
  text += "  generation  " + std::to_string(family.generation) + '\n';
  text += "  uuid        " + family.uuid.text() + '\n';
  text += "  interfaces  " + interfaces_text(family.vifs, true) + '\n';
  for (const auto& volume : volumes) text += "  volume      " + volume_text(volume) + '\n';
  for (const auto& peripheral : peripherals) text += "  peripheral  " + peripheral_text(peripheral) + '\n';
  return text + clones_text(family.clones);
}

}  // namespace zynclone::cli
