#pragma once
// What a mailbox needs of XenStore. Real: XenMailboxStore. Tests: FakeMailboxStore.

#include <optional>
#include <string>
#include <string_view>

#include "system/async.hpp"

namespace zynclone::channel {

class MailboxStore {
 public:
  virtual ~MailboxStore() = default;
  virtual Result<std::optional<std::string>> read(const std::string& path) = 0;  // nullopt: no such node
  // The peer may read the node, and nobody else (but dom0) may write it.
  virtual Result<void> write(const std::string& path, std::string_view value) = 0;
  virtual Result<void> remove(const std::string& path) = 0;                      // with all below; absent is no error
  // Waits until something below the peer's folder may have changed since the last call. One coroutine. Errors: unavailable when the
  // store is gone or closed, cancelled.
  virtual asio::awaitable<Result<void>> changed() = 0;
  virtual void close() = 0;  // ends changed()
};

}  // namespace zynclone::channel
