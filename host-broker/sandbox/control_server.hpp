#pragma once
// The sandbox's control socket: connections, frames and deadlines; what the commands do is the handler's. One thread.

#include <boost/asio/local/stream_protocol.hpp>

#include <filesystem>
#include <functional>

#include "host-broker/sandbox/control_message.hpp"
#include "system/async.hpp"

namespace zynclone::sandbox {

class ControlServer {
 public:
  // Gives the reply to a request. A request whose command begins with "wait" is cancelled when the client goes away; any other one is
  // carried out to its end.
  using Handler = std::function<asio::awaitable<ControlMessage>(ControlMessage)>;

  // Errors: system, with the path.
  static Result<std::unique_ptr<ControlServer>> open(asio::any_io_executor executor, const std::filesystem::path& path, Handler handler);
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

 private:
  using Protocol = asio::local::stream_protocol;
  struct Shared {
    Protocol::acceptor acceptor;
    Handler handler;
    std::string path;
  };
  explicit ControlServer(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  static asio::awaitable<void> accept(std::shared_ptr<Shared> shared);
  static asio::awaitable<void> serve(std::shared_ptr<Shared> shared, std::shared_ptr<Protocol::socket> socket);
  static asio::awaitable<std::optional<ControlMessage>> answer(std::shared_ptr<Shared> shared, std::shared_ptr<Protocol::socket> socket,
                                                               std::string untrusted_text);
  std::shared_ptr<Shared> shared_;
};

}  // namespace zynclone::sandbox
