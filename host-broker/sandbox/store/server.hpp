#pragma once
// The sockets of the pretended xenstored: a folder with <domid>.sock for each domain, and whoever connects there is that domain. A
// thin shell around StoreEngine, on its thread; the engine must outlive the server.

#include <filesystem>
#include <map>
#include <memory>

#include "host-broker/sandbox/store/engine.hpp"
#include "system/async.hpp"

namespace zynclone::sandbox {

class StoreServer {
 public:
  StoreServer(asio::any_io_executor executor, StoreEngine& engine, std::filesystem::path folder);
  ~StoreServer();
  StoreServer(const StoreServer&) = delete;
  StoreServer& operator=(const StoreServer&) = delete;

  // Listens for clients of the domain; a socket that is left from an earlier run is replaced. Errors: system, with the path.
  Result<void> open(DomainId domain);

  // Removes the domain's socket and disconnects its clients.
  void close(DomainId domain);

  std::filesystem::path socket_of(DomainId domain) const;

 private:
  class Connection;
  struct Listener;
  static asio::awaitable<void> accept(std::shared_ptr<Listener> listener);

  asio::any_io_executor executor_;
  StoreEngine& engine_;
  std::filesystem::path folder_;
  std::map<DomainId, std::shared_ptr<Listener>> listeners_;
};

}  // namespace zynclone::sandbox
