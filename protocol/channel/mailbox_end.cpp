#include "protocol/channel/mailbox_end.hpp"

namespace zynclone::channel {
namespace {

// Between two looks at the peer's folder. A peer that writes without end is to cost this side its events and no more.
constexpr std::chrono::milliseconds k_pause{1};

}  // namespace

void MailboxEnd::start(asio::any_io_executor executor, std::shared_ptr<MailboxEnd> self) {
  spawn(executor, "watching a mailbox", watch(self));
  spawn(executor, "watching a mailbox", wake_waiting(self));
}

// Takes events as fast as they come, so that they do not pile up in the library.
asio::awaitable<void> MailboxEnd::watch(std::shared_ptr<MailboxEnd> self) {
  while (!self->ended_) {
    auto event = co_await self->store_->changed();
    if (!event && !self->ended_) self->ended_ = std::move(event).error();
    self->has_changed_ = true;
    self->event_.wake();
    co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
  }
}

asio::awaitable<void> MailboxEnd::wake_waiting(std::shared_ptr<MailboxEnd> self) {
  while (!self->ended_) {
    if (!self->has_changed_) {
      co_await self->event_.wait();
      continue;
    }
    self->has_changed_ = false;
    self->changed_.wake();
    co_await sleep_for(k_pause);
  }
  self->changed_.wake();
}

Result<void> MailboxEnd::renew_session() {
  session_ = random_mailbox_id();
  return write_own("session", session_);
}

asio::awaitable<Result<void>> MailboxEnd::changed(WakeUp::Time time) {
  if (!ended_) {
    const bool woken = co_await changed_.wait_until(time);
    if (!woken) co_return fail(Errc::timed_out, "cannot wait for the mailbox any longer");
  }
  if (ended_) co_return fail(Errc::unavailable, "cannot use the mailbox: " + ended_->message);
  co_return outcome::success();
}

void MailboxEnd::close() {
  if (!ended_) ended_ = Error{Errc::unavailable, "the mailbox is closed"};
  store_->close();
  event_.wake();
  changed_.wake();
}

}  // namespace zynclone::channel
