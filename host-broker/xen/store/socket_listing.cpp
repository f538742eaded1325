#include "host-broker/xen/store/socket_listing.hpp"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include "protocol/names.hpp"

extern "C" {
#include <xen/io/xs_wire.h>
#include <xenstore.h>
}

namespace zynclone::xenstore {
namespace {

constexpr std::size_t k_longest_list = 1 << 20;  // bytes
constexpr timeval k_patience{.tv_sec = 10, .tv_usec = 0};

Result<void> receive(int socket, char* into, std::size_t size) {
  while (size > 0) {
    const ssize_t count = ::recv(socket, into, size, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count == 0) return fail(Errc::unavailable, "xenstored is gone");
    if (count < 0) return fail(Errc::unavailable, errno == EAGAIN ? "xenstored does not answer" : std::strerror(errno));
    into += count;
    size -= static_cast<std::size_t>(count);
  }
  return outcome::success();
}

// A path has at most 3072 characters: the socket's buffer takes the request whole.
Result<void> send_request(int socket, const std::string& path) {
  const xsd_sockmsg header{.type = XS_DIRECTORY, .req_id = 0, .tx_id = 0, .len = static_cast<std::uint32_t>(path.size() + 1)};
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof(header));
  bytes.append(path.c_str(), path.size() + 1);
  const ssize_t count = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (count != static_cast<ssize_t>(bytes.size())) return fail(Errc::unavailable, count < 0 ? std::strerror(errno) : "xenstored takes no request");
  return outcome::success();
}

Result<std::vector<std::string>> split(std::string_view untrusted_list) {
  if (!untrusted_list.empty() && untrusted_list.back() != '\0') return fail(Errc::malformed, "the list does not end with a NUL");
  std::vector<std::string> names;
  for (std::size_t begin = 0; begin < untrusted_list.size();) {
    const auto end = untrusted_list.find('\0', begin);
    names.emplace_back(untrusted_list.substr(begin, end - begin));
    begin = end + 1;
  }
  return names;
}

Result<std::optional<std::vector<std::string>>> ask(int socket, const std::string& path) {
  TRY(send_request(socket, path));
  xsd_sockmsg untrusted_header{};
  TRY(receive(socket, reinterpret_cast<char*>(&untrusted_header), sizeof(untrusted_header)));
  if (untrusted_header.len > k_longest_list)
    return fail(Errc::too_large, "the list has " + std::to_string(untrusted_header.len) + " bytes, at most " +
                                     std::to_string(k_longest_list) + " are read");
  std::string untrusted_list(untrusted_header.len, '\0');
  TRY(receive(socket, untrusted_list.data(), untrusted_list.size()));
  if (untrusted_header.type != XS_DIRECTORY) return std::optional<std::vector<std::string>>();
  TRY(auto names, split(untrusted_list));
  return std::optional<std::vector<std::string>>(std::move(names));
}

}  // namespace

std::string socket_of_xenstored() {
  const char* path = xs_daemon_socket();
  struct stat status {};
  if (path == nullptr || ::stat(path, &status) != 0 || !S_ISSOCK(status.st_mode)) return {};
  return std::strlen(path) < sizeof(sockaddr_un::sun_path) ? path : std::string();
}

Descriptor connect_to_xenstored(const std::string& socket_path) {
  if (socket_path.empty()) return {};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, socket_path.c_str());
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) return {};
  return socket;
}

Result<std::optional<std::vector<std::string>>> SocketListing::list(const std::string& path) {
  if (path.size() > XENSTORE_ABS_PATH_MAX) return std::optional<std::vector<std::string>>();
  const std::lock_guard lock(mutex_);
  if (!socket_) {
    socket_ = connect_to_xenstored(socket_path_);
    if (!socket_) return std::optional<std::vector<std::string>>();
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &k_patience, sizeof(k_patience));
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &k_patience, sizeof(k_patience));
  }
  auto names = ask(socket_.get(), path);
  if (!names) socket_.reset();  // what is left of an answer must not become the next one's
  if (!names) return with_context(std::move(names).error(), "cannot list XenStore node '" + printable(path) + "'");
  return names;
}

}  // namespace zynclone::xenstore
