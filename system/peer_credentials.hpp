#pragma once
// Who is at the other end of a local socket, as the kernel saw it at connect (SO_PEERCRED, unix(7)), and which groups that user is in.

#include <sys/types.h>

#include <string>

#include "protocol/result.hpp"

namespace zynclone {

struct PeerCredentials {
  pid_t process = 0;
  uid_t user = 0;
  gid_t group = 0;
};

// `socket` is a connected AF_UNIX socket. Errors: system.
Result<PeerCredentials> peer_credentials(int socket);

// The user's name from the passwd database, or "uid <n>" where it has none.
std::string user_name(uid_t user);

// Is the peer in the group of this name: by its primary group or by the group database, as of now? A group that does not exist
// has no members. Errors: system.
Result<bool> is_in_group(const PeerCredentials& peer, const std::string& group_name);

}  // namespace zynclone
