#pragma once
// The sandbox's network as a customer at the till's address sees it: who would hear a frame, and be heard, if there were frames.

#include <map>
#include <string>
#include <vector>

#include "host-broker/xen/store/xenstore.hpp"
#include "tests/e2e/till/sockets.hpp"

namespace zynclone::till {

class SandboxNetwork {
 public:
  SandboxNetwork(std::string folder, xenstore::Store& store) : folder_(std::move(folder)), store_(store) {}

  struct Till {
    std::string domain;
    Address address;
  };
  // Those that run, and that the filter of clone-net-monitor lets speak with any address on the shop's network.
  std::vector<Till> tills();

 private:
  std::string interface_of(const std::string& domain);

  std::string folder_;
  xenstore::Store& store_;
  std::map<std::string, std::string> interfaces_;
};

}  // namespace zynclone::till
