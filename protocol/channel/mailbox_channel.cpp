#include "protocol/channel/mailbox_channel.hpp"

#include <algorithm>
#include <cstring>

#include "protocol/channel/mailbox_end.hpp"

namespace zynclone::channel {
namespace {

Error mailbox_closed() { return Error{Errc::unavailable, "cannot use the mailbox: the channel is closed"}; }

}  // namespace

Result<std::unique_ptr<Channel>> MailboxChannel::connect(asio::any_io_executor executor, std::unique_ptr<MailboxStore> store,
                                                         const std::string& own_folder, const std::string& guests_folder,
                                                         Deadline write_deadline) {
  auto end = std::make_shared<MailboxEnd>(std::move(store), own_folder, guests_folder);
  TRY(auto untrusted_session, end->read_peers("session"));
  if (!untrusted_session) return fail(Errc::unavailable, "cannot connect to the mailbox '" + guests_folder + "': the guest has none");
  if (!is_mailbox_id(*untrusted_session)) return fail(Errc::malformed, "cannot connect to the mailbox '" + guests_folder + "': its session is no id");
  end->set_session(*untrusted_session);
  const std::string connection = *untrusted_session + "." + random_mailbox_id();
  // What an earlier connection left goes first: the guest looks when the session appears.
  TRY(end->remove_own_folder());
  TRY(end->write_own("session", connection));
  MailboxEnd::start(std::move(executor), end);
  return std::make_unique<MailboxChannel>(std::move(end), Side::broker, connection, write_deadline);
}

MailboxChannel::MailboxChannel(std::shared_ptr<MailboxEnd> end, Side side, std::string connection, Deadline write_deadline)
    : end_(std::move(end)), side_(side), connection_(std::move(connection)), write_deadline_(write_deadline) {}

MailboxChannel::~MailboxChannel() { close(); }

Result<void> MailboxChannel::check_session() const {
  if (closed_) return mailbox_closed();
  TRY(auto untrusted_session, end_->read_peers("session"));
  const std::string& expected = side_ == Side::guest ? connection_ : end_->session();
  if (untrusted_session != expected) return fail(Errc::unavailable, "cannot use the mailbox: the peer is gone");
  return outcome::success();
}

asio::awaitable<Result<std::size_t>> MailboxChannel::read_some(asio::mutable_buffer into) {
  for (;;) {
    if (closed_) co_return mailbox_closed();
    if (received_.empty()) {
      CO_TRY(take_fragment());
    }
    if (!received_.empty()) {
      const std::size_t count = std::min(into.size(), received_.size());
      std::memcpy(into.data(), received_.data(), count);
      received_.erase(0, count);
      co_return count;
    }
    CO_TRY(check_session());
    CO_TRY(co_await end_->changed());
  }
}

// Acknowledged when it is taken, so that a peer can send no more than one fragment ahead of what is read.
Result<void> MailboxChannel::take_fragment() {
  TRY(auto untrusted_text, end_->read_peers("fragment"));
  if (!untrusted_text) return outcome::success();
  TRY(auto fragment, parse_fragment(*untrusted_text));
  if (fragment.connection != connection_ || fragment.number == received_number_) return outcome::success();
  if (fragment.number != received_number_ + 1)
    return fail(Errc::malformed, "cannot read the mailbox: fragment " + std::to_string(fragment.number) + " follows fragment " +
                                     std::to_string(received_number_));
  TRY(check_session());  // never write for a guest that is gone
  TRY(end_->write_own("acknowledged", to_text({.connection = connection_, .number = fragment.number})));
  received_number_ = fragment.number;
  received_ = std::move(fragment.bytes);
  return outcome::success();
}

asio::awaitable<Result<void>> MailboxChannel::write(asio::const_buffer from) {
  while (from.size() > 0) {
    const std::size_t size = std::min(from.size(), k_longest_fragment);
    std::string bytes(static_cast<const char*>(from.data()), size);
    CO_TRY(co_await write_fragment(std::move(bytes)));
    from += size;
  }
  co_return outcome::success();
}

asio::awaitable<Result<void>> MailboxChannel::write_fragment(std::string bytes) {
  CO_TRY(check_session());
  const Fragment fragment{.connection = connection_, .number = ++sent_number_, .bytes = std::move(bytes)};
  CO_TRY(end_->write_own("fragment", to_text(fragment)));
  const auto deadline = std::chrono::steady_clock::now() + write_deadline_;
  for (;;) {
    CO_TRY(const bool acknowledged, is_acknowledged());
    if (acknowledged) co_return outcome::success();
    CO_TRY(check_session());
    auto changed = co_await end_->changed(deadline);
    if (changed) continue;
    if (changed.error().code != Errc::timed_out) co_return changed;
    co_return took_too_long("writing to a peer that reads nothing", write_deadline_);
  }
}

Result<bool> MailboxChannel::is_acknowledged() {
  TRY(auto untrusted_text, end_->read_peers("acknowledged"));
  if (!untrusted_text) return false;
  TRY(auto acknowledgement, parse_acknowledgement(*untrusted_text));
  if (acknowledgement.connection != connection_) return false;
  if (acknowledgement.number > sent_number_)
    return fail(Errc::malformed, "cannot use the mailbox: fragment " + std::to_string(acknowledgement.number) + " was acknowledged and never sent");
  return acknowledgement.number == sent_number_;
}

// Nobody could use an error here.
void MailboxChannel::close() {
  if (closed_) return;
  if (side_ == Side::guest) {
    // Where the broker has gone on to another connection already, there is nothing to tell it.
    if (check_session()) (void)end_->renew_session();
    closed_ = true;
    end_->wake();
    return;
  }
  // A successor's nodes stay. So does the last acknowledgement, for the guest to see, until the next connection or the domain's end.
  auto session = end_->read_own("session");
  if (session && session.value() == connection_) {
    (void)end_->remove_own("session");
    (void)end_->remove_own("fragment");
  }
  closed_ = true;
  end_->close();
}

}  // namespace zynclone::channel
