#include "host-broker/monitors/generation_guard.hpp"

namespace zynclone::broker::monitors {
namespace {

std::string name_of(const std::optional<Uuid>& member) { return member ? "'" + member->text() + "'" : "nobody"; }

Error refuse(const PublishedFamily& family, const std::string& why) {
  return {Errc::conflict,
          "cannot apply '" + family.vm.text() + "': " + why +
              "; its interfaces stay as they are (if its file was put back from a backup, restart clone-monitor and clone-net-monitor)",
          xen::k_families_path + "/" + family.uuid.text()};
}

}  // namespace

std::optional<Error> GenerationGuard::refusal(const Known& known, const PublishedFamily& family) {
  if (family.generation < known.generation) {
    return refuse(family, "generation " + std::to_string(family.generation.value) + " is older than " + std::to_string(known.generation.value) +
                              ", which was in force");
  }
  if (!known.family) return std::nullopt;
  const PublishedProduction& before = known.family->production;
  const PublishedProduction& now = family.production;
  if (now.generation < before.generation) {
    return refuse(family, "production generation " + std::to_string(now.generation) + " is older than " + std::to_string(before.generation) +
                              ", which was in force");
  }
  if (now.generation == before.generation && now.member != before.member) {
    return refuse(family, "production generation " + std::to_string(now.generation) + " was that of " + name_of(before.member) +
                              " and cannot be that of " + name_of(now.member));
  }
  return std::nullopt;
}

std::map<Uuid, Error> GenerationGuard::hold_back(std::vector<PublishedFamily>& families) const {
  std::map<Uuid, Error> refused;
  std::vector<PublishedFamily> kept;
  for (PublishedFamily& family : families) {
    const auto found = known_.find(family.uuid);
    auto error = found == known_.end() ? std::nullopt : refusal(found->second, family);
    if (!error) {
      kept.push_back(std::move(family));
      continue;
    }
    refused.emplace(family.uuid, std::move(*error));
    if (found->second.family) kept.push_back(*found->second.family);
  }
  families = std::move(kept);
  return refused;
}

void GenerationGuard::acknowledged_before(const Uuid& family, Generation generation) {
  known_.try_emplace(family, Known{.generation = generation, .family = std::nullopt});
}

void GenerationGuard::acknowledged(const PublishedFamily& family) {
  known_.insert_or_assign(family.uuid, Known{.generation = family.generation, .family = family});
}

}  // namespace zynclone::broker::monitors
