#include "protocol/channel/xen_mailbox_store.hpp"

namespace zynclone::channel {
namespace {

Error store_closed() { return Error{Errc::unavailable, "cannot use the mailbox: it is closed"}; }

std::string home_of(std::optional<DomainId> guest) { return guest ? "/local/domain/" + std::to_string(guest->value) + "/" : std::string(); }

}  // namespace

std::string XenMailboxStore::guests_folder(std::optional<DomainId> guest) { return home_of(guest) + "data/zynclone/mailbox"; }
std::string XenMailboxStore::brokers_folder(std::optional<DomainId> guest) { return home_of(guest) + "zynclone/mailbox"; }

Result<std::unique_ptr<MailboxStore>> XenMailboxStore::open_in_guest(asio::any_io_executor executor) {
  TRY(auto store, xenstore::Store::open(std::move(executor)));
  TRY(store.watch(brokers_folder(), "mailbox"));
  return std::unique_ptr<MailboxStore>(new XenMailboxStore(std::move(store), std::nullopt));
}

Result<std::unique_ptr<MailboxStore>> XenMailboxStore::open_in_broker(asio::any_io_executor executor, DomainId guest) {
  TRY(auto store, xenstore::Store::open(std::move(executor)));
  TRY(store.watch(guests_folder(guest), "mailbox"));
  return std::unique_ptr<MailboxStore>(new XenMailboxStore(std::move(store), guest));
}

Result<std::optional<std::string>> XenMailboxStore::read(const std::string& path) {
  if (!store_) return store_closed();
  return store_->read(path);
}

Result<void> XenMailboxStore::write(const std::string& path, std::string_view value) {
  if (!store_) return store_closed();
  if (!guest_) return store_->write(path, value);
  return store_->transact([&](xenstore::Transaction& transaction) -> Result<void> {
    // dom0 may write anywhere: below a domain that is gone it would leave nodes that nobody removes.
    TRY(auto name, transaction.read(home_of(guest_) + "vm"));
    if (!name) return fail(Errc::unavailable, "cannot write to the mailbox: domain " + std::to_string(guest_->value) + " is gone");
    return transaction.write(path, value, {.owner = DomainId{0}, .readers = {*guest_}});
  });
}

Result<void> XenMailboxStore::remove(const std::string& path) {
  if (!store_) return store_closed();
  return store_->remove(path);
}

asio::awaitable<Result<void>> XenMailboxStore::changed() {
  if (!store_) co_return store_closed();
  auto event = co_await store_->next_event();
  if (!event) co_return std::move(event).error();
  co_return outcome::success();
}

void XenMailboxStore::close() { store_.reset(); }

}  // namespace zynclone::channel
