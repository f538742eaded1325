// Who has production, the volumes that follow it, and what is granted ahead of time.
#include <algorithm>

#include "cli/text.hpp"

namespace zynclone::cli {
namespace {

std::string member_or(const std::string& name, std::string_view none) { return name.empty() ? std::string(none) : printable(name); }

}  // namespace

std::string probation_text(const protocol::ProbationView& probation) {
  const bool undoes = probation.after == protocol::AfterProbation::undo;
  return "until " + time_text(probation.ends) + ", then " + (undoes ? "undone" : "committed") + "; before it " + member_or(probation.from, "a member that is gone") +
         " had production";
}

std::string production_text(const protocol::FamilyView& family) {
  std::string text = family.vm.text() + ": " + member_or(family.production, "nobody") + " has production";
  if (family.probation) text += ", on probation " + probation_text(*family.probation);
  return text + '\n';
}

std::string cutover_text(const protocol::CutoverView& cutover) {
  std::string text = "production  " + member_or(cutover.production, "nobody") + ", generation " + std::to_string(cutover.generation) + '\n';
  text += "probation   " + (cutover.probation ? probation_text(*cutover.probation) : "none") + '\n';
  if (cutover.probation) text += "operation   " + cutover.probation->operation.text() + '\n';
  text += volumes_text(cutover.volumes);
  return cutover.peripherals.empty() ? text : text + peripherals_text(cutover.peripherals);
}

std::string volume_text(const protocol::VolumeView& volume) {
  std::string text = volume.name.text() + ", " + printable(volume.device) + ": " + member_or(volume.holder, "nobody") + " has it";
  if (!volume.holder.empty() && !volume.attached) text += ", but not attached";
  return volume.problem.empty() ? text : text + "; " + printable(volume.problem);
}

std::string volumes_text(const std::vector<protocol::VolumeView>& volumes) {
  if (volumes.empty()) return "no shared volumes\n";
  std::vector<std::vector<std::string>> rows{{"VM", "VOLUME", "DEVICE", "FILESYSTEM", "HOLDER", "ATTACHED", "TOKEN", "PROBLEM"}};
  bool has_locations = false;
  for (const auto& volume : volumes) has_locations = has_locations || volume.location;
  if (has_locations) rows[0].insert(rows[0].end() - 1, "LOCATION");
  for (const auto& volume : volumes) {
    rows.push_back({volume.vm.text(), volume.name.text(), printable(volume.device), member_or(volume.filesystem, "-"), member_or(volume.holder, "-"),
                    volume.attached ? "yes" : "no", std::to_string(volume.token)});
    if (has_locations) rows.back().push_back(printable(volume.location.value_or("-")));
    rows.back().push_back(member_or(volume.problem, "-"));
  }
  return table_text(rows);
}

std::string peripheral_text(const protocol::PeripheralView& peripheral) {
  std::string text = peripheral.name.text() + ", " + std::string(to_string(peripheral.kind)) + ' ' + printable(peripheral.device) + ": ";
  if (!peripheral.problem.empty() && peripheral.holder.empty()) return text + printable(peripheral.problem);
  text += member_or(peripheral.holder, "nobody") + " has it";
  return peripheral.problem.empty() ? text : text + "; " + printable(peripheral.problem);
}

std::string peripherals_text(const std::vector<protocol::PeripheralView>& peripherals) {
  if (peripherals.empty()) return "no peripherals\n";
  std::vector<std::vector<std::string>> rows{{"VM", "PERIPHERAL", "KIND", "DEVICE", "PRESENT", "HOLDER", "PROBLEM"}};
  const bool has_locations = std::any_of(peripherals.begin(), peripherals.end(), [](const auto& peripheral) { return peripheral.location.has_value(); });
  if (has_locations) rows[0].insert(rows[0].end() - 1, "LOCATION");
  for (const auto& peripheral : peripherals) {
    rows.push_back({peripheral.vm.text(), peripheral.name.text(), std::string(to_string(peripheral.kind)), printable(peripheral.device),
                    peripheral.present ? "yes" : "no", member_or(peripheral.holder, "-")});
    if (has_locations) rows.back().push_back(printable(peripheral.location.value_or("-")));
    rows.back().push_back(member_or(peripheral.problem, "-"));
  }
  return table_text(rows);
}

std::string grant_text(const protocol::GrantView& grant) {
  const std::uint64_t left = grant.times - std::min(grant.used, grant.times);
  return "grant " + grant.id.text() + ": " + printable(grant.operations) + " of " + grant.vm.text() + ", " + std::to_string(left) +
         (left == 1 ? " time until " : " times until ") + time_text(grant.until);
}

std::string grants_text(const protocol::GrantListing& listing) {
  if (listing.grants.empty()) return "nothing is granted\n";
  std::vector<std::vector<std::string>> rows{{"GRANT", "VM", "OPERATIONS", "UNTIL", "USED", "BY", "CREATED"}};
  for (const auto& grant : listing.grants) {
    rows.push_back({grant.id.text(), grant.vm.text(), printable(grant.operations), time_text(grant.until),
                    std::to_string(grant.used) + " of " + std::to_string(grant.times), printable(grant.by), time_text(grant.created)});
  }
  return table_text(rows);
}

}  // namespace zynclone::cli
