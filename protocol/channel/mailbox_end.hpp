#pragma once
// One side's view of a mailbox: where it writes, where the peer does, and the wait for a change there. Shared by the channels of
// that side, one after the other. Private to the mailbox_*.cpp files. One thread.

#include <memory>
#include <string>

#include "protocol/channel/mailbox_store.hpp"
#include "protocol/channel/mailbox_text.hpp"
#include "protocol/channel/wake_up.hpp"

namespace zynclone::channel {

class MailboxEnd {
 public:
  MailboxEnd(std::unique_ptr<MailboxStore> store, std::string own_folder, std::string peer_folder)
      : store_(std::move(store)), own_(std::move(own_folder)), peer_(std::move(peer_folder)) {}

  // Lets waiting coroutines see the store's changes, until close().
  static void start(asio::any_io_executor executor, std::shared_ptr<MailboxEnd> self);

  Result<std::optional<std::string>> read_peers(std::string_view node) { return store_->read(peer_ + "/" + std::string(node)); }
  Result<std::optional<std::string>> read_own(std::string_view node) { return store_->read(own_ + "/" + std::string(node)); }
  Result<void> write_own(std::string_view node, std::string_view value) { return store_->write(own_ + "/" + std::string(node), value); }
  Result<void> remove_own(std::string_view node) { return store_->remove(own_ + "/" + std::string(node)); }
  Result<void> remove_own_folder() { return store_->remove(own_); }

  // The guest's S: of this side when it is the guest, else the one that this side is connected to.
  const std::string& session() const { return session_; }
  void set_session(std::string session) { session_ = std::move(session); }
  // A guest's new S, which tells the broker that what was connected to the old one is over.
  Result<void> renew_session();

  // Until the peer's folder may have changed. Look before waiting, and again after. Errors: unavailable once closed.
  asio::awaitable<Result<void>> changed(WakeUp::Time time = WakeUp::Time::max());
  void wake() { changed_.wake(); }
  void close();

 private:
  static asio::awaitable<void> watch(std::shared_ptr<MailboxEnd> self);
  static asio::awaitable<void> wake_waiting(std::shared_ptr<MailboxEnd> self);

  std::unique_ptr<MailboxStore> store_;
  std::string own_;
  std::string peer_;
  std::string session_;
  bool has_changed_ = false;
  WakeUp event_;
  WakeUp changed_;
  std::optional<Error> ended_;
};

}  // namespace zynclone::channel
