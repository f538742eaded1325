#include "protocol/channel/message_reader.hpp"

namespace zynclone::channel {

using Clock = std::chrono::steady_clock;

asio::awaitable<Result<std::string>> MessageReader::next() {
  for (;;) {
    auto message = frames_.next();
    if (!message && message.error().code != Errc::malformed) co_return std::move(message).error();
    if (!message) co_return std::string();
    if (message.value()) {
      message_deadline_.reset();
      co_return *std::move(message).value();
    }
    CO_TRY(co_await read_more());
  }
}

asio::awaitable<Result<void>> MessageReader::read_more() {
  std::size_t count = 0;
  if (!frames_.has_part()) {
    message_deadline_.reset();
    CO_TRY(count, co_await channel_.read_some(asio::buffer(buffer_)));
  } else {
    // Half a message and then silence, or a byte now and then, would hold this end's memory for ever.
    if (!message_deadline_) message_deadline_ = Clock::now() + whole_message_;
    CO_TRY(count, co_await with_timeout(channel_.read_some(asio::buffer(buffer_)), *message_deadline_ - Clock::now(),
                                        "reading the rest of a message"));
  }
  co_return frames_.feed(std::string_view(buffer_.data(), count));
}

}  // namespace zynclone::channel
