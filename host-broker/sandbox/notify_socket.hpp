#pragma once
// The socket on which a program says that it is ready (sd_notify(3)), so that nobody has to guess by the clock. Used on its
// executor's thread.

#include <boost/asio/local/datagram_protocol.hpp>

#include <memory>
#include <string>

#include "system/async.hpp"

namespace zynclone::sandbox {

class NotifySocket {
 public:
  // The program gets `path` as NOTIFY_SOCKET. Errors: system.
  static Result<std::unique_ptr<NotifySocket>> open(asio::any_io_executor executor, std::string path);
  ~NotifySocket();
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;

  const std::string& path() const;
  bool is_ready() const;

  // The program ended, with this said of it: it is not ready any more, and who waits is told.
  void reset(std::string cause);

  // Waits until the program says READY=1. Errors: system with the cause of `reset`; unavailable when this object goes away.
  asio::awaitable<Result<void>> wait_ready();

  // Waits until the program's STATUS= begins with this. Errors: as wait_ready.
  asio::awaitable<Result<void>> wait_status(std::string beginning);

 private:
  struct State;
  explicit NotifySocket(std::shared_ptr<State> state) : state_(std::move(state)) {}
  static asio::awaitable<void> receive(std::shared_ptr<State> state);
  enum class For { ready, status };
  static asio::awaitable<Result<void>> wait(std::shared_ptr<State> state, For what, std::string beginning);
  std::shared_ptr<State> state_;
};

}  // namespace zynclone::sandbox
