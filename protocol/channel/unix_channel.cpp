#include "protocol/channel/unix_channel.hpp"

#include <boost/asio/redirect_error.hpp>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "protocol/names.hpp"

namespace zynclone::channel {

using asio::local::stream_protocol;

namespace {

constexpr std::chrono::seconds k_busy_limit{5};        // for a listener whose backlog is full
constexpr std::chrono::milliseconds k_busy_pause{10};

}  // namespace

UnixChannel::UnixChannel(stream_protocol::socket socket, Deadline write_deadline)
    : socket_(std::move(socket)), write_deadline_(write_deadline) {
  boost::system::error_code ignored;
  socket_.non_blocking(true, ignored);
  // Asio makes sockets that programs we start would inherit.
  if (socket_.is_open()) ::fcntl(socket_.native_handle(), F_SETFD, FD_CLOEXEC);
}

asio::awaitable<Result<std::unique_ptr<Channel>>> UnixChannel::connect(std::string path) {
  if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path))
    co_return fail(Errc::invalid_argument, "cannot connect to '" + printable(path) + "': a socket's path has 1 to " +
                                               std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " bytes");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const auto until = std::chrono::steady_clock::now() + k_busy_limit;
  // By hand: EAGAIN means a full backlog here, where Asio would take it for a connection under way and call it made.
  while (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int number = errno;
    if (number == EINTR) continue;
    if (number != EAGAIN || std::chrono::steady_clock::now() > until)
      co_return fail(Errc::unavailable, "cannot connect to '" + printable(path) + "': " + std::strerror(number));
    co_await sleep_for(k_busy_pause);
  }
  const auto executor = co_await asio::this_coro::executor;
  co_return adopt(executor, std::move(socket));
}

Result<std::unique_ptr<Channel>> UnixChannel::adopt(asio::any_io_executor executor, Descriptor socket, Deadline write_deadline) {
  stream_protocol::socket adopted(executor);
  boost::system::error_code error;
  adopted.assign(stream_protocol(), socket.get(), error);
  if (error) return fail(Errc::system, "cannot use descriptor " + std::to_string(socket.get()) + " as a socket: " + error.message());
  (void)socket.release();
  return std::make_unique<UnixChannel>(std::move(adopted), write_deadline);
}

asio::awaitable<Result<std::size_t>> UnixChannel::read_some(asio::mutable_buffer into) {
  boost::system::error_code error;
  if (ended_ && socket_.is_open()) co_return error_of(asio::error::eof, "read from");
  const std::size_t count = co_await socket_.async_read_some(into, asio::redirect_error(asio::use_awaitable, error));
  if (error) {
    ended_ = error != asio::error::operation_aborted;
    co_return error_of(error, "read from");
  }
  co_return count;
}

asio::awaitable<Result<void>> UnixChannel::write(asio::const_buffer from) {
  while (from.size() > 0) {
    boost::system::error_code error;
    // At once where there is room, which is nearly always: no timer, no way through the event loop.
    const std::size_t count = socket_.write_some(from, error);
    if (!error) {
      from += count;
    } else if (error == asio::error::would_block) {
      CO_TRY(co_await wait_for_room());
    } else {
      co_return error_of(error, "write to");
    }
  }
  co_return outcome::success();
}

asio::awaitable<Result<void>> UnixChannel::wait_for_room() {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer timer(co_await asio::this_coro::executor, write_deadline_);
  boost::system::error_code error;
  auto first = co_await (socket_.async_wait(stream_protocol::socket::wait_write, asio::redirect_error(asio::use_awaitable, error)) ||
                         timer.async_wait(asio::use_awaitable));
  if (first.index() == 1) co_return took_too_long("writing to a peer that reads nothing", write_deadline_);
  if (error) co_return error_of(error, "write to");
  co_return outcome::success();
}

void UnixChannel::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

Error UnixChannel::error_of(const boost::system::error_code& code, std::string_view verb) const {
  const std::string what = "cannot " + std::string(verb) + " the peer: ";
  if (code == asio::error::operation_aborted && socket_.is_open()) return Error{Errc::cancelled, what + "cancelled"};
  if (!socket_.is_open()) return Error{Errc::unavailable, what + "the channel is closed"};
  if (code == asio::error::eof) return Error{Errc::unavailable, what + "it has closed the channel"};
  return Error{Errc::unavailable, what + code.message()};
}

}  // namespace zynclone::channel
