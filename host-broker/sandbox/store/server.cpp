#include "host-broker/sandbox/store/server.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>

#include <list>
#include <sys/un.h>
#include <unistd.h>

#include "host-broker/sandbox/store/limits.hpp"
#include "system/log.hpp"

namespace zynclone::sandbox {
namespace {

using asio::local::stream_protocol;

constexpr std::size_t k_write_size = 16 * 1024;
constexpr std::chrono::milliseconds k_accept_pause{100};  // when the process has no descriptor left

// Something to wait for that another coroutine of the same thread announces.
class Signal {
 public:
  explicit Signal(asio::any_io_executor executor) : timer_(executor, asio::steady_timer::time_point::max()) {}
  asio::awaitable<void> wait() { co_await timer_.async_wait(k_as_tuple); }
  void announce() { timer_.cancel(); }

 private:
  asio::steady_timer timer_;
};

}  // namespace

// One client. Two coroutines share it: one reads requests, one writes what the session has to say.
class StoreServer::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(stream_protocol::socket socket, StoreEngine& engine, DomainId domain)
      : socket_(std::move(socket)), output_(socket_.get_executor()), room_(socket_.get_executor()), engine_(engine) {
    session_ = std::make_unique<StoreSession>(engine, domain);
    session_->on_output([this] { output_.announce(); });
  }

  bool is_open() const { return session_ != nullptr; }

  void start() {
    spawn(socket_.get_executor(), "XenStore client's requests", read_requests(shared_from_this()));
    spawn(socket_.get_executor(), "XenStore client's replies", write_output(shared_from_this()));
  }

  void close() {
    say_last_words();
    session_.reset();
    boost::system::error_code ignored;
    socket_.close(ignored);
    output_.announce();
    room_.announce();
  }

 private:
  static asio::awaitable<void> read_requests(std::shared_ptr<Connection> self) {
    std::array<char, 4096> untrusted_bytes;
    while (self->is_open()) {
      const auto [error, count] = co_await self->socket_.async_read_some(asio::buffer(untrusted_bytes), k_as_tuple);
      if (error) break;
      self->reader_.feed({untrusted_bytes.data(), count});
      const bool in_order = co_await handle_requests(self);
      if (!in_order) break;
    }
    self->close();
  }

  // False when the client cannot be understood any more.
  static asio::awaitable<bool> handle_requests(std::shared_ptr<Connection> self) {
    while (self->is_open()) {
      if (!self->session_->may_ask()) {
        co_await self->room_.wait();
        continue;
      }
      const auto request = self->reader_.next();
      if (!request) {
        log_warning("domain " + std::to_string(self->session_->domain().value) + ": " + request.error().message);
        co_return false;
      }
      if (!request.value()) co_return true;
      self->engine_.handle(*self->session_, *request.value());
    }
    co_return false;
  }

  static asio::awaitable<void> write_output(std::shared_ptr<Connection> self) {
    while (self->is_open()) {
      std::string bytes = self->session_->take_output();
      if (bytes.empty()) {
        co_await self->output_.wait();
        continue;
      }
      for (std::string more; bytes.size() < k_write_size && !(more = self->session_->take_output()).empty();) bytes += more;
      self->writing_ = true;
      const auto [error, written] = co_await asio::async_write(self->socket_, asio::buffer(bytes), k_as_tuple);
      self->writing_ = false;
      if (error) break;
      self->room_.announce();
    }
    self->close();
  }

  // A guest that asks for its own end may be gone before the answer was sent. As much as the socket takes at once.
  void say_last_words() {
    if (!session_ || writing_) return;
    std::string bytes;
    for (std::string more; bytes.size() < k_write_size && !(more = session_->take_output()).empty();) bytes += more;
    boost::system::error_code ignored;
    if (!bytes.empty()) socket_.non_blocking(true, ignored);
    if (!bytes.empty()) socket_.write_some(asio::buffer(bytes), ignored);
  }

  stream_protocol::socket socket_;
  Signal output_;  // the session has something to say
  Signal room_;    // the client has read something
  StoreEngine& engine_;
  std::unique_ptr<StoreSession> session_;  // null once closed: the engine may be gone before this is
  StoreReader reader_;
  bool writing_ = false;
};

struct StoreServer::Listener {
  stream_protocol::acceptor acceptor;
  StoreEngine& engine;
  DomainId domain;
  std::list<std::weak_ptr<Connection>> connections = {};

  std::size_t count_connections() {
    connections.remove_if([](const auto& weak) {
      const auto connection = weak.lock();
      return !connection || !connection->is_open();
    });
    return connections.size();
  }

  void close() {
    boost::system::error_code ignored;
    acceptor.close(ignored);
    for (const auto& weak : connections)
      if (const auto connection = weak.lock()) connection->close();
  }
};

StoreServer::StoreServer(asio::any_io_executor executor, StoreEngine& engine, std::filesystem::path folder)
    : executor_(std::move(executor)), engine_(engine), folder_(std::move(folder)) {
  engine_.on_release([this](DomainId domain) { close(domain); });
}

StoreServer::~StoreServer() {
  engine_.on_release({});
  while (!listeners_.empty()) close(listeners_.begin()->first);
}

std::filesystem::path StoreServer::socket_of(DomainId domain) const { return folder_ / (std::to_string(domain.value) + ".sock"); }

Result<void> StoreServer::open(DomainId domain) {
  const std::string path = socket_of(domain).string();
  const auto failed = [&](const std::string& cause) {
    return fail(Errc::system, "cannot listen on '" + printable(path) + "': " + cause);
  };
  if (path.size() >= sizeof(sockaddr_un::sun_path))
    return failed("a socket's path has at most " + std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " bytes");
  close(domain);
  ::unlink(path.c_str());
  stream_protocol::acceptor acceptor(executor_);
  boost::system::error_code error;
  acceptor.open(stream_protocol(), error);
  if (!error) acceptor.bind(stream_protocol::endpoint(path), error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return failed(error.message());
  const auto listener = std::make_shared<Listener>(Listener{std::move(acceptor), engine_, domain});
  listeners_[domain] = listener;
  spawn(executor_, "XenStore socket of domain " + std::to_string(domain.value), accept(listener));
  return outcome::success();
}

void StoreServer::close(DomainId domain) {
  auto closed = listeners_.extract(domain);
  if (closed.empty()) return;
  closed.mapped()->close();
  ::unlink(socket_of(domain).c_str());
}

asio::awaitable<void> StoreServer::accept(std::shared_ptr<Listener> listener) {
  while (listener->acceptor.is_open()) {
    auto [error, socket] = co_await listener->acceptor.async_accept(k_as_tuple);
    if (error == asio::error::operation_aborted || !listener->acceptor.is_open()) co_return;
    if (error) {
      log_warning("cannot accept a XenStore client: " + error.message());
      co_await sleep_for(k_accept_pause);
      continue;
    }
    if (!is_privileged(listener->domain) && listener->count_connections() >= k_most_connections) continue;
    const auto connection = std::make_shared<Connection>(std::move(socket), listener->engine, listener->domain);
    listener->count_connections();
    listener->connections.push_back(connection);
    connection->start();
  }
}

}  // namespace zynclone::sandbox
