#include "system/peer_credentials.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <grp.h>
#include <optional>
#include <pwd.h>
#include <sys/socket.h>
#include <vector>

namespace zynclone {
namespace {

constexpr std::size_t k_largest_entry = 1 << 20;  // bytes of one passwd or group entry
constexpr int k_most_groups = 65536;              // the kernel's NGROUPS_MAX

struct User {
  std::string name;
  gid_t group = 0;
};

Error lookup_failed(std::string_view what, int number) {
  return Error{Errc::system, "cannot look up " + std::string(what) + ": " + std::strerror(number)};
}

Result<std::optional<User>> find_user(uid_t id) {
  for (std::size_t size = 1024; size <= k_largest_entry; size *= 4) {
    std::vector<char> buffer(size);
    passwd entry{};
    passwd* found = nullptr;
    const int number = ::getpwuid_r(id, &entry, buffer.data(), buffer.size(), &found);
    if (number == ERANGE) continue;
    if (found != nullptr) return User{entry.pw_name, entry.pw_gid};
    // getpwnam_r(3): these say "not there" in one or another source of names.
    if (number == 0 || number == ENOENT || number == ESRCH || number == EBADF || number == EPERM) return std::optional<User>();
    return lookup_failed("user " + std::to_string(id), number);
  }
  return lookup_failed("user " + std::to_string(id), ERANGE);
}

Result<std::optional<gid_t>> find_group(const std::string& name) {
  for (std::size_t size = 1024; size <= k_largest_entry; size *= 4) {
    std::vector<char> buffer(size);
    group entry{};
    group* found = nullptr;
    const int number = ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (number == ERANGE) continue;
    if (found != nullptr) return std::optional<gid_t>(entry.gr_gid);
    if (number == 0 || number == ENOENT || number == ESRCH || number == EBADF || number == EPERM) return std::optional<gid_t>();
    return lookup_failed("group '" + name + "'", number);
  }
  return lookup_failed("group '" + name + "'", ERANGE);
}

}  // namespace

Result<PeerCredentials> peer_credentials(int socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
    return fail(Errc::system, std::string("cannot see who has connected: ") + std::strerror(errno));
  return PeerCredentials{credentials.pid, credentials.uid, credentials.gid};
}

std::string user_name(uid_t user) {
  auto found = find_user(user);
  if (found && found.value()) return found.value()->name;
  return "uid " + std::to_string(user);
}

Result<bool> is_in_group(const PeerCredentials& peer, const std::string& group_name) {
  TRY(auto wanted, find_group(group_name));
  if (!wanted) return false;
  if (peer.group == *wanted) return true;
  TRY(auto user, find_user(peer.user));
  if (!user) return false;
  std::vector<gid_t> groups(64);
  int count = static_cast<int>(groups.size());
  if (::getgrouplist(user->name.c_str(), user->group, groups.data(), &count) < 0) {
    if (count > k_most_groups) return false;
    groups.resize(static_cast<std::size_t>(count));
    if (::getgrouplist(user->name.c_str(), user->group, groups.data(), &count) < 0) return false;
  }
  groups.resize(static_cast<std::size_t>(count));
  return std::find(groups.begin(), groups.end(), *wanted) != groups.end();
}

}  // namespace zynclone
