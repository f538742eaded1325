#include "protocol/channel/outbox.hpp"

namespace zynclone::channel {
namespace {

constexpr std::size_t k_batch = 16 * 1024;  // bytes that go out in one write when several messages wait

Error closed_error() { return Error{Errc::unavailable, "cannot send the message: the channel is closed"}; }

}  // namespace

asio::awaitable<Result<void>> Outbox::send(std::string message, WakeUp::Time time) {
  while (!closed_ && !has_room()) {
    const bool woken = co_await emptied_.wait_until(time);
    if (!woken) co_return fail(Errc::timed_out, "cannot send the message: the peer reads too slowly");
  }
  co_return post(std::move(message));
}

Result<void> Outbox::post(std::string message) {
  if (closed_) return closed_error();
  if (!has_room()) {
    return fail(Errc::limit_exceeded, "cannot send the message: " + std::to_string(waiting_bytes_) + " bytes wait already, at most " +
                                          std::to_string(most_bytes_) + " may");
  }
  TRY(auto framed, frame(framing_, message, longest_));
  waiting_bytes_ += framed.size();
  waiting_.push_back(std::move(framed));
  filled_.wake();
  return outcome::success();
}

asio::awaitable<Error> Outbox::run(Channel& channel) {
  while (!closed_) {
    if (waiting_.empty()) {
      co_await filled_.wait();
      continue;
    }
    const std::string batch = take_batch();
    auto result = co_await channel.write(asio::buffer(batch));
    waiting_bytes_ -= batch.size();
    if (!result) {
      close();
      co_return std::move(result).error();
    }
    emptied_.wake();
  }
  co_return closed_error();
}

asio::awaitable<bool> Outbox::flush(WakeUp::Time time) {
  while (!closed_ && waiting_bytes_ != 0) {
    const bool woken = co_await emptied_.wait_until(time);
    if (!woken) co_return false;
  }
  co_return !closed_;
}

void Outbox::close() {
  closed_ = true;
  waiting_.clear();
  filled_.wake();
  emptied_.wake();
}

// Several messages in one write cost the peer one wake-up; a long one goes out by itself.
std::string Outbox::take_batch() {
  std::string batch = std::move(waiting_.front());
  waiting_.pop_front();
  ++written_;
  while (!waiting_.empty() && batch.size() + waiting_.front().size() <= k_batch) {
    batch += waiting_.front();
    waiting_.pop_front();
    ++written_;
  }
  return batch;
}

}  // namespace zynclone::channel
