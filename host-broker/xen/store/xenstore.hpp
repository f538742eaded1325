#pragma once
// A thin owner of one libxenstore connection (xenstore.h of Xen 4.17). The sandbox's store is reached by the same library through
// XENSTORED_PATH. Calls block for a round trip and belong into the XenStore thread pool, except in small programs; watches are awaited.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/names.hpp"
#include "system/async.hpp"

struct xs_handle;

namespace zynclone::xenstore {

// Entry 0 is the owner with `others` as everyone else's default (docs/misc/xenstore.txt); then whom else.
struct Permissions {
  DomainId owner;
  std::vector<DomainId> readers;
};

// Reads and writes inside one transaction. Handed to `transact`'s function, valid only there.
class Transaction {
 public:
  Result<std::optional<std::string>> read(const std::string& path);                 // nullopt: no such node
  Result<void> write(const std::string& path, std::string_view value);              // permissions as inherited
  Result<void> write(const std::string& path, std::string_view value, const Permissions& permissions);
  Result<void> remove(const std::string& path);                                     // with all below; absent is no error
  // Absent: empty. Only for what is short: from oxenstored a list of more than 4096 bytes ends the connection. Store's has no such limit.
  Result<std::vector<std::string>> directory(const std::string& path);

 private:
  friend class Store;
  Transaction(xs_handle* handle, std::uint32_t id) : handle_(handle), id_(id) {}
  xs_handle* handle_;
  std::uint32_t id_;
};

struct WatchEvent {
  std::string path;
  std::string token;
};

class Store {
 public:
  static Result<Store> open(asio::any_io_executor executor);
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  // Runs `work` in a transaction and commits; on EAGAIN runs it again, at most 20 times (Errc::busy then). An error from `work` aborts.
  Result<void> transact(const std::function<Result<void>(Transaction&)>& work);

  // Each of the following is one request outside a transaction.
  Result<std::optional<std::string>> read(const std::string& path);
  Result<void> write(const std::string& path, std::string_view value);
  Result<void> write(const std::string& path, std::string_view value, const Permissions& permissions);
  Result<void> remove(const std::string& path);
  Result<std::vector<std::string>> directory(const std::string& path);

  // A watch is a hint: it fires once on registration, can be spurious, and what it names must be read again.
  Result<void> watch(const std::string& path, const std::string& token);
  Result<void> unwatch(const std::string& path, const std::string& token);
  // The next event of any watch of this store; one coroutine at a time. Errors: unavailable when xenstored is gone.
  asio::awaitable<Result<WatchEvent>> next_event();

 private:
  struct State;
  explicit Store(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace zynclone::xenstore
