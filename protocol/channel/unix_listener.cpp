#include "protocol/channel/unix_listener.hpp"

#include <boost/asio/redirect_error.hpp>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "protocol/names.hpp"

namespace zynclone::channel {
namespace {

using asio::local::stream_protocol;

constexpr int k_backlog = 64;
constexpr std::chrono::milliseconds k_descriptor_pause{100};  // between attempts while no descriptor is free

Error failed(const std::string& path, const std::string& why, Errc code = Errc::system) {
  return Error{code, "cannot listen on '" + printable(path) + "': " + why};
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

// Removes what a dead process left, and nothing else.
Result<void> make_way(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return outcome::success();
    return failed(path, std::strerror(errno));
  }
  if (!S_ISSOCK(status.st_mode)) return failed(path, "there is a file that is no socket", Errc::already_exists);
  Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe) return failed(path, std::strerror(errno));
  const sockaddr_un address = address_of(path);
  // EAGAIN: somebody listens, and is busy.
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno == EAGAIN)
    return failed(path, "another process listens there", Errc::already_exists);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return failed(path, std::strerror(errno));
  return outcome::success();
}

}  // namespace

Result<UnixListener> UnixListener::create(asio::any_io_executor executor, const std::string& path, mode_t mode,
                                          std::optional<gid_t> group) {
  if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path))
    return failed(path, "a socket's path has 1 to " + std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " bytes", Errc::invalid_argument);
  TRY(make_way(path));
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return failed(path, std::strerror(errno));
  const sockaddr_un address = address_of(path);
  // Nobody can connect before listen(), so the mode and the group are there in time.
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return failed(path, std::strerror(errno));
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || (group && ::chown(path.c_str(), static_cast<uid_t>(-1), *group) != 0) ||
      ::chmod(path.c_str(), mode) != 0 || ::listen(socket.get(), k_backlog) != 0) {
    const int number = errno;
    ::unlink(path.c_str());
    return failed(path, std::strerror(number));
  }
  stream_protocol::acceptor acceptor(executor);
  boost::system::error_code error;
  acceptor.assign(stream_protocol(), socket.get(), error);
  if (error) return failed(path, error.message());
  (void)socket.release();
  return UnixListener(std::move(acceptor), path, status.st_dev, status.st_ino);
}

Result<UnixListener> UnixListener::adopt(asio::any_io_executor executor, Descriptor socket) {
  int listens = 0;
  socklen_t size = sizeof listens;
  const std::string name = "descriptor " + std::to_string(socket.get());
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0) return failed(name, std::strerror(errno));
  if (listens == 0) return failed(name, "it is no listening socket");
  stream_protocol::acceptor acceptor(executor);
  boost::system::error_code error;
  acceptor.assign(stream_protocol(), socket.get(), error);
  if (error) return failed(name, error.message());
  (void)socket.release();
  return UnixListener(std::move(acceptor), "", 0, 0);
}

UnixListener::UnixListener(UnixListener&& other) noexcept
    : acceptor_(std::move(other.acceptor_)), path_(std::exchange(other.path_, {})), device_(other.device_), file_(other.file_) {}

UnixListener::~UnixListener() { close(); }

asio::awaitable<Result<UnixListener::Accepted>> UnixListener::accept() {
  for (;;) {
    boost::system::error_code error;
    auto socket = co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (!acceptor_.is_open()) co_return fail(Errc::unavailable, "cannot accept a connection: the socket is closed");
    if (error == asio::error::no_descriptors || error.value() == ENFILE) {
      co_await sleep_for(k_descriptor_pause);  // those that wait stay in the backlog
      continue;
    }
    if (error == asio::error::operation_aborted) co_return fail(Errc::cancelled, "cannot accept a connection: cancelled");
    if (error == asio::error::connection_aborted) continue;
    if (error) co_return fail(Errc::system, "cannot accept a connection: " + error.message());
    auto peer = peer_credentials(socket.native_handle());
    if (!peer) continue;
    co_return Accepted{std::make_unique<UnixChannel>(std::move(socket)), peer.value()};
  }
}

void UnixListener::close() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  struct stat status {};
  // A successor may have made its own there.
  if (!path_.empty() && ::lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == file_) ::unlink(path_.c_str());
  path_.clear();
}

}  // namespace zynclone::channel
