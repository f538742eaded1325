#include "protocol/channel/mailbox_channel.hpp"
#include "protocol/channel/mailbox_end.hpp"

namespace zynclone::channel {

Result<MailboxServer> MailboxServer::create(asio::any_io_executor executor, std::unique_ptr<MailboxStore> store,
                                            const std::string& own_folder, const std::string& brokers_folder, Deadline write_deadline) {
  auto end = std::make_shared<MailboxEnd>(std::move(store), own_folder, brokers_folder);
  TRY(end->remove_own_folder());
  TRY(end->renew_session());
  MailboxEnd::start(std::move(executor), end);
  return MailboxServer(std::move(end), write_deadline);
}

MailboxServer::MailboxServer(std::shared_ptr<MailboxEnd> end, Deadline write_deadline)
    : end_(std::move(end)), write_deadline_(write_deadline) {}

MailboxServer::~MailboxServer() {
  if (!end_) return;
  (void)end_->remove_own_folder();
  end_->close();
}

asio::awaitable<Result<std::unique_ptr<Channel>>> MailboxServer::accept() {
  auto end = end_;  // the server may be moved or destroyed meanwhile
  for (;;) {
    CO_TRY(auto connection, new_connection());
    if (connection) {
      last_connection_ = *connection;
      co_return std::make_unique<MailboxChannel>(end, MailboxChannel::Side::guest, *connection, write_deadline_);
    }
    CO_TRY(co_await end->changed());
  }
}

Result<std::optional<std::string>> MailboxServer::new_connection() {
  TRY(auto text, end_->read_peers("session"));
  const std::string& session = end_->session();
  if (!text || *text == last_connection_ || text->size() != 2 * session.size() + 1 || !text->starts_with(session + ".") ||
      !is_mailbox_id(std::string_view(*text).substr(session.size() + 1)))
    return std::optional<std::string>();  // nobody, or somebody who was connected before
  return text;
}

}  // namespace zynclone::channel
