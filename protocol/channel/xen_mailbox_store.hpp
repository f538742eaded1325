#pragma once
// A mailbox's store over libxenstore: in a guest with relative paths, in dom0 with the guest's home before them. One thread; calls
// block for a round trip to xenstored.

#include "host-broker/xen/store/xenstore.hpp"
#include "protocol/channel/mailbox_store.hpp"

namespace zynclone::channel {

class XenMailboxStore final : public MailboxStore {
 public:
  // The guest's side. Errors: unavailable without XenStore.
  static Result<std::unique_ptr<MailboxStore>> open_in_guest(asio::any_io_executor executor);
  // The broker's side, for one guest. Writes nothing when that domain is gone.
  static Result<std::unique_ptr<MailboxStore>> open_in_broker(asio::any_io_executor executor, DomainId guest);

  // Folders of both sides, for MailboxServer::create and MailboxChannel::connect.
  static std::string guests_folder(std::optional<DomainId> guest = std::nullopt);
  static std::string brokers_folder(std::optional<DomainId> guest = std::nullopt);

  Result<std::optional<std::string>> read(const std::string& path) override;
  Result<void> write(const std::string& path, std::string_view value) override;
  Result<void> remove(const std::string& path) override;
  asio::awaitable<Result<void>> changed() override;
  void close() override;

 private:
  XenMailboxStore(xenstore::Store store, std::optional<DomainId> guest) : store_(std::move(store)), guest_(guest) {}

  std::optional<xenstore::Store> store_;  // empty when closed
  std::optional<DomainId> guest_;         // on the broker's side
};

}  // namespace zynclone::channel
