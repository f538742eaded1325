#include "host-broker/sandbox/control_client.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>

#include <sys/un.h>

#include "protocol/channel/frame.hpp"
#include "protocol/names.hpp"

namespace zynclone::sandbox {
namespace {

using asio::local::stream_protocol;

asio::awaitable<Result<std::string>> exchange(std::string path, std::string framed) {
  const auto failed = [](const std::string& socket_path, const boost::system::error_code& error) {
    return fail(Errc::unavailable, "cannot reach the sandbox at '" + printable(socket_path) + "': " + error.message());
  };
  if (path.size() >= sizeof(sockaddr_un::sun_path)) co_return failed(path, asio::error::name_too_long);
  stream_protocol::socket socket(co_await asio::this_coro::executor);
  const auto [connect_error] = co_await socket.async_connect(stream_protocol::endpoint(path), k_as_tuple);
  if (connect_error) co_return failed(path, connect_error);
  const auto [write_error, written] = co_await asio::async_write(socket, asio::buffer(framed), k_as_tuple);
  if (write_error) co_return failed(path, write_error);

  channel::FrameReader reader(channel::Framing::length, k_longest_control_message);
  std::array<char, 4096> bytes;
  while (true) {
    CO_TRY(auto reply, reader.next());
    if (reply) co_return std::move(*reply);
    const auto [read_error, count] = co_await socket.async_read_some(asio::buffer(bytes), k_as_tuple);
    if (read_error) co_return failed(path, read_error);
    CO_TRY(reader.feed({bytes.data(), count}));
  }
}

}  // namespace

asio::awaitable<Result<ControlMessage>> ask_control(std::filesystem::path socket, ControlMessage request, Deadline limit) {
  CO_TRY(const auto text, request.encode());
  CO_TRY(auto framed, channel::frame(channel::Framing::length, text, k_longest_control_message));
  auto exchanged = exchange(socket.string(), std::move(framed));
  CO_TRY(const auto reply, co_await with_timeout(std::move(exchanged), limit, "the sandbox's answer to '" + request.get("command") + "'"));
  CO_TRY(auto message, ControlMessage::decode(reply));
  if (auto error = message.error()) co_return *error;
  co_return message;
}

}  // namespace zynclone::sandbox
