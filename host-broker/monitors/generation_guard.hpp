#pragma once
// What was in force and acknowledged once is never followed by something older: not by an older state of a family, and not by an earlier
// production member, whoever publishes it and why. One thread.

#include <map>
#include <optional>
#include <vector>

#include "host-broker/monitors/publication.hpp"

namespace zynclone::broker::monitors {

class GenerationGuard {
 public:
  // Puts in place of each of `families` that goes back what was acknowledged last, or nothing where that is not known, and gives an error for
  // it: conflict, with the family's node as place.
  std::map<Uuid, Error> hold_back(std::vector<PublishedFamily>& families) const;

  bool knows(const Uuid& family) const { return known_.contains(family); }
  // As an earlier process of this monitor acknowledged it, of which no more is known.
  void acknowledged_before(const Uuid& family, Generation generation);
  void acknowledged(const PublishedFamily& family);

  // Of a family that is not published any longer: it may be made anew, and begin anew.
  template <class Published>
  void forget_unless(Published published) {
    std::erase_if(known_, [&](const auto& known) { return !published(known.first); });
  }

 private:
  struct Known {
    Generation generation;
    std::optional<PublishedFamily> family;           // none: of an earlier process
  };
  static std::optional<Error> refusal(const Known& known, const PublishedFamily& family);

  std::map<Uuid, Known> known_;
};

}  // namespace zynclone::broker::monitors
