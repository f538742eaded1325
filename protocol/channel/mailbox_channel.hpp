#pragma once
// A channel through XenStore, for a guest that has no vchan: fragments of at most 1 KiB, one at a time each way, each acknowledged.
// The guest writes only below its own data/zynclone/mailbox, the broker only below <domain>/zynclone/mailbox. One thread.

#include <memory>
#include <string>

#include "protocol/channel/channel.hpp"
#include "protocol/channel/mailbox_store.hpp"
#include "protocol/limits.hpp"

namespace zynclone::channel {

class MailboxEnd;

class MailboxChannel final : public Channel {
 public:
  // The broker's side. Errors: unavailable when the guest has no mailbox, malformed.
  static Result<std::unique_ptr<Channel>> connect(asio::any_io_executor executor, std::unique_ptr<MailboxStore> store,
                                                  const std::string& own_folder, const std::string& guests_folder,
                                                  Deadline write_deadline = protocol::k_write_deadline);

  enum class Side { guest, broker };
  // For connect and MailboxServer.
  MailboxChannel(std::shared_ptr<MailboxEnd> end, Side side, std::string connection, Deadline write_deadline);
  ~MailboxChannel() override;

  asio::awaitable<Result<std::size_t>> read_some(asio::mutable_buffer into) override;
  asio::awaitable<Result<void>> write(asio::const_buffer from) override;
  void close() override;
  std::size_t longest_request() const override { return protocol::k_longest_mailbox_request; }

 private:
  Result<void> check_session() const;
  Result<void> take_fragment();
  Result<bool> is_acknowledged();
  asio::awaitable<Result<void>> write_fragment(std::string bytes);

  std::shared_ptr<MailboxEnd> end_;
  Side side_;
  std::string connection_;
  Deadline write_deadline_;
  std::string received_;          // of the last fragment, what was not given out
  std::uint64_t received_number_ = 0;
  std::uint64_t sent_number_ = 0;
  bool closed_ = false;
};

// The guest's side: gives one connection after the other. One thread.
class MailboxServer {
 public:
  // Makes the mailbox, which the broker's watch on data/zynclone/mailbox/session sees. Errors: those of the store.
  static Result<MailboxServer> create(asio::any_io_executor executor, std::unique_ptr<MailboxStore> store, const std::string& own_folder,
                                      const std::string& brokers_folder, Deadline write_deadline = protocol::k_write_deadline);
  MailboxServer(MailboxServer&&) noexcept = default;
  MailboxServer& operator=(MailboxServer&&) = delete;
  ~MailboxServer();  // removes the mailbox; the channels end

  // The next connection. The channel of the one before has ended then. Errors: unavailable when the store is gone.
  asio::awaitable<Result<std::unique_ptr<Channel>>> accept();

 private:
  MailboxServer(std::shared_ptr<MailboxEnd> end, Deadline write_deadline);
  Result<std::optional<std::string>> new_connection();

  std::shared_ptr<MailboxEnd> end_;
  std::string last_connection_;
  Deadline write_deadline_;
};

}  // namespace zynclone::channel
