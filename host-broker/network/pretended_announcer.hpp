#pragma once
// The Announcer of the sandbox: writes what it would send to a file, which the sandbox and tests read, one line a frame:
// `<interface> <mac> arp|neighbour <address>`. It is started anew when it has grown large.

#include <filesystem>

#include "host-broker/network/announcer.hpp"

namespace zynclone::broker::network {

class PretendedAnnouncer : public Announcer {
 public:
  explicit PretendedAnnouncer(std::filesystem::path file) : file_(std::move(file)) {}
  Result<std::string> announce(const Announcement& announcement, const FilterState& in_force) override;

 private:
  std::filesystem::path file_;
};

}  // namespace zynclone::broker::network
