#pragma once
// The names below a node, asked for over a socket connection of its own, however long the list is. Private to host-broker/xen/store.
//
// oxenstored, which Debian starts, answers XS_DIRECTORY on its socket with one message of any length. libxenstore 4.17 ends its
// connection when a message is longer than XENSTORE_PAYLOAD_MAX (4096 bytes: 110 UUIDs), and all its watches with it.

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

// One request outside any transaction. nullopt: libxenstore may be asked, which then either knows how to get a long list in parts (from C
// xenstored) or why there is none. Blocks for a round trip. Errors: unavailable (no answer within ten seconds), malformed, too_large.
Result<std::optional<std::vector<std::string>>> list_over_socket(const std::string& socket_path, const std::string& path);

}  // namespace zynclone::xenstore
