#pragma once
// Accepts connections on a Unix socket, each with who connected as the kernel saw it. Owns the socket's file. One thread.

#include <boost/asio/local/stream_protocol.hpp>

#include <optional>
#include <string>
#include <sys/types.h>

#include "protocol/channel/unix_channel.hpp"
#include "system/peer_credentials.hpp"

namespace zynclone::channel {

class UnixListener {
 public:
  struct Accepted {
    std::unique_ptr<Channel> channel;
    PeerCredentials peer;
  };

  // Makes the socket's file with this mode, and the group if one is given, before anybody can connect. A file that a dead process
  // left is replaced. Errors: already_exists when somebody listens there, or it is no socket; system; invalid_argument.
  static Result<UnixListener> create(asio::any_io_executor executor, const std::string& path, mode_t mode,
                                     std::optional<gid_t> group = std::nullopt);

  // Of a socket that listens already (systemd's socket activation); its file is not ours. Errors: system.
  static Result<UnixListener> adopt(asio::any_io_executor executor, Descriptor socket);

  UnixListener(UnixListener&& other) noexcept;
  UnixListener& operator=(UnixListener&&) = delete;
  ~UnixListener();

  // The next connection; one that is gone already is passed over. Errors: unavailable once closed, system.
  asio::awaitable<Result<Accepted>> accept();

  // Ends a pending accept and removes the file.
  void close();

 private:
  UnixListener(asio::local::stream_protocol::acceptor acceptor, std::string path, dev_t device, ino_t file)
      : acceptor_(std::move(acceptor)), path_(std::move(path)), device_(device), file_(file) {}

  asio::local::stream_protocol::acceptor acceptor_;
  std::string path_;   // empty: none, or not ours
  dev_t device_ = 0;
  ino_t file_ = 0;
};

}  // namespace zynclone::channel
