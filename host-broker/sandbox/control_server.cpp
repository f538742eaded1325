#include "host-broker/sandbox/control_server.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/write.hpp>

#include <sys/un.h>
#include <unistd.h>

#include "protocol/channel/frame.hpp"
#include "protocol/names.hpp"

namespace zynclone::sandbox {
namespace {

constexpr std::chrono::milliseconds k_accept_pause{100};

// Ends when the client has gone. It sends nothing while it waits for an answer.
asio::awaitable<void> wait_for_disconnect(std::shared_ptr<asio::local::stream_protocol::socket> socket) {
  co_await socket->async_wait(asio::socket_base::wait_read, k_as_tuple);
}

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::open(asio::any_io_executor executor, const std::filesystem::path& path,
                                                           Handler handler) {
  const std::string text = path.string();
  ::unlink(text.c_str());
  auto shared = std::make_shared<Shared>(Shared{Protocol::acceptor(executor), std::move(handler), text});
  boost::system::error_code error = asio::error::name_too_long;
  if (text.size() < sizeof(sockaddr_un::sun_path)) shared->acceptor.open(Protocol(), error);
  if (!error) shared->acceptor.bind(Protocol::endpoint(text), error);
  if (!error) shared->acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return fail(Errc::system, "cannot listen on '" + printable(text) + "': " + error.message());
  spawn(executor, "control socket", accept(shared));
  return std::unique_ptr<ControlServer>(new ControlServer(std::move(shared)));
}

ControlServer::~ControlServer() {
  boost::system::error_code ignored;
  shared_->acceptor.close(ignored);
  ::unlink(shared_->path.c_str());
}

asio::awaitable<void> ControlServer::accept(std::shared_ptr<Shared> shared) {
  while (shared->acceptor.is_open()) {
    auto [error, socket] = co_await shared->acceptor.async_accept(k_as_tuple);
    if (!shared->acceptor.is_open()) co_return;
    if (error) {
      co_await sleep_for(k_accept_pause);
      continue;
    }
    spawn(shared->acceptor.get_executor(), "control client", serve(shared, std::make_shared<Protocol::socket>(std::move(socket))));
  }
}

asio::awaitable<void> ControlServer::serve(std::shared_ptr<Shared> shared, std::shared_ptr<Protocol::socket> socket) {
  channel::FrameReader reader(channel::Framing::length, k_longest_control_message);
  std::array<char, 4096> untrusted_bytes;
  while (true) {
    auto untrusted_text = reader.next();
    if (!untrusted_text) co_return;
    if (!untrusted_text.value()) {
      const auto [error, count] = co_await socket->async_read_some(asio::buffer(untrusted_bytes), k_as_tuple);
      if (error || !reader.feed({untrusted_bytes.data(), count})) co_return;
      continue;
    }
    const auto reply = co_await answer(shared, socket, std::move(*untrusted_text.value()));
    if (!reply) co_return;
    auto text = reply->encode();
    if (!text) text = ControlMessage::failure(text.error()).encode();
    const auto framed = channel::frame(channel::Framing::length, text.value(), k_longest_control_message);
    if (!framed) co_return;
    const auto [error, count] = co_await asio::async_write(*socket, asio::buffer(framed.value()), k_as_tuple);
    if (error) co_return;
  }
}

asio::awaitable<std::optional<ControlMessage>> ControlServer::answer(std::shared_ptr<Shared> shared, std::shared_ptr<Protocol::socket> socket,
                                                                     std::string untrusted_text) {
  using namespace asio::experimental::awaitable_operators;
  const auto request = ControlMessage::decode(untrusted_text);
  if (!request) co_return ControlMessage::failure(request.error());
  if (!request.value().get("command").starts_with("wait")) {
    auto reply = co_await shared->handler(request.value());
    co_return reply;
  }
  auto first = co_await (shared->handler(request.value()) || wait_for_disconnect(socket));
  if (first.index() == 1) co_return std::nullopt;
  co_return std::get<0>(std::move(first));
}

}  // namespace zynclone::sandbox
