#pragma once
// The names below a node, asked for over socket connections of their own, however long the list is. Private to host-broker/xen/store.
//
// oxenstored, which Debian starts, answers XS_DIRECTORY on its socket with one message of any length. libxenstore 4.17 ends its
// connection when a message is longer than XENSTORE_PAYLOAD_MAX (4096 bytes: 110 UUIDs), and all its watches with it.

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "protocol/result.hpp"
#include "system/descriptor.hpp"

namespace zynclone::xenstore {

// Where libxenstore reaches xenstored at this moment (its environment says); empty where that is through a device, as in a guest.
std::string socket_of_xenstored();
// None when `socket_path` is empty or nobody is there.
Descriptor connect_to_xenstored(const std::string& socket_path);

// Asks over one connection after the other, kept from list to list: in emulation making one takes longer than the list does. Blocks for a
// round trip; any thread.
class SocketListing {
 public:
  explicit SocketListing(std::string socket_path) : socket_path_(std::move(socket_path)) {}

  // One request outside any transaction. nullopt: libxenstore may be asked, which then either knows how to get a long list in parts (from C
  // xenstored) or why there is none. Errors: unavailable (no answer within ten seconds), malformed, too_large.
  Result<std::optional<std::vector<std::string>>> list(const std::string& path);

 private:
  std::string socket_path_;
  std::mutex mutex_;
  Descriptor socket_;
};

}  // namespace zynclone::xenstore
