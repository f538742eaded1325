#include "cli/connection.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>

#include "protocol/limits.hpp"
#include "protocol/names.hpp"

namespace zynclone::cli {
namespace {

using namespace std::chrono_literals;

int milliseconds_left(TimePoint until) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
  return static_cast<int>(std::clamp<long long>(left, 0, std::numeric_limits<int>::max()));
}

// The cause alone; whoever called says what could not be done.
Error system_error(int number) {
  const bool gone = number == ENOENT || number == ECONNREFUSED || number == ENOTDIR || number == EPIPE || number == ECONNRESET;
  const Errc code = gone ? Errc::unavailable : number == EACCES || number == EPERM ? Errc::refused : Errc::system;
  return Error{code, std::strerror(number)};
}

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return fail(Errc::invalid_argument,
                "cannot use socket '" + printable(path) + "': its path must have 1 to " + std::to_string(sizeof(address.sun_path) - 1) +
                    " bytes");
  }
  path.copy(address.sun_path, path.size());
  return address;
}

}  // namespace

Result<void> wait_ready(int descriptor, short events, TimePoint until, int wake) {
  for (;;) {
    std::array<pollfd, 2> ready{{{.fd = wake, .events = POLLIN}, {.fd = descriptor, .events = events}}};
    const int count = ::poll(ready.data(), ready.size(), milliseconds_left(until));
    if (count < 0 && errno != EINTR) return outcome::failure(system_error(errno));
    if (count > 0 && ready[0].revents != 0) return fail(Errc::cancelled, "interrupted");
    if (count > 0) return outcome::success();
    if (std::chrono::steady_clock::now() >= until) return fail(Errc::timed_out, "the time limit passed");
  }
}

Connection::Connection(Descriptor socket)
    : socket_(std::move(socket)), reader_(channel::Framing::line, protocol::k_longest_message) {}

Result<Connection> Connection::open(const std::string& path, TimePoint until, int wake) {
  TRY(const auto address, address_of(path));
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return outcome::failure(system_error(errno));
  while (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return outcome::failure(system_error(errno));
    // The listener's backlog is full, and a Unix socket tells nobody when that ends (connect(2)), so look again soon.
    const auto again = std::min(until, std::chrono::steady_clock::now() + 20ms);
    const auto waited = wait_ready(-1, 0, again, wake);
    if (waited.error().code != Errc::timed_out || again == until) return outcome::failure(waited.error());
  }
  return Connection(std::move(socket));
}

Result<void> Connection::send(std::string_view message, TimePoint until, int wake) {
  TRY(const auto line, channel::frame(channel::Framing::line, message, protocol::k_longest_message));
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t sent = ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      TRY(wait_ready(socket_.get(), POLLOUT, until, wake));
    } else if (errno != EINTR) {
      return outcome::failure(system_error(errno));
    }
  }
  return outcome::success();
}

Result<std::string> Connection::receive(TimePoint until, int wake) {
  for (;;) {
    TRY(auto message, reader_.next());
    if (message) return std::move(*message);
    TRY(wait_ready(socket_.get(), POLLIN, until, wake));
    std::array<char, 4096> untrusted_bytes;
    const ssize_t count = ::recv(socket_.get(), untrusted_bytes.data(), untrusted_bytes.size(), 0);
    if (count == 0) return fail(Errc::unavailable, "the service closed the connection");
    if (count < 0 && errno != EAGAIN && errno != EINTR) return outcome::failure(system_error(errno));
    if (count > 0) {
      TRY(reader_.feed(std::string_view(untrusted_bytes.data(), static_cast<std::size_t>(count))));
    }
  }
}

}  // namespace zynclone::cli
