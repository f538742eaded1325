#include "cli/service.hpp"

#include <poll.h>

#include <algorithm>

namespace zynclone::cli {
namespace {

using std::chrono::steady_clock;

constexpr int k_most_attempts = 5;  // of one call whose connection is lost: about three seconds, enough for a service's restart
constexpr std::chrono::milliseconds k_first_pause{100};
constexpr std::chrono::milliseconds k_longest_pause{2'000};

}  // namespace

Error Service::drop_connection(const Error& error, std::string_view doing) {
  connection_.reset();
  return with_context(error, "cannot " + std::string(doing) + " " + address_.name + " at '" + printable(address_.socket) + "'");
}

Result<void> Service::connect(TimePoint until) {
  if (connection_) return outcome::success();
  auto connection = Connection::open(address_.socket, until, wake_);
  if (!connection) {
    Error error = drop_connection(connection.error(), "reach");
    // A service that starts anew makes its socket first and opens it to its group then.
    if (reached_ && error.code == Errc::refused) error.code = Errc::unavailable;
    return outcome::failure(std::move(error));
  }
  connection_ = std::move(connection).value();
  reached_ = true;
  return outcome::success();
}

Result<std::string> Service::receive(TimePoint until) {
  TRY(connect(until));
  return connection_->receive(until, wake_);
}

Result<void> Service::take_notification(std::string_view untrusted_text) {
  auto request = protocol::decode_request(untrusted_text, protocol::Sender::broker);
  if (!request) {
    // A newer service may have notifications that this program does not know.
    if (request.error().code == Errc::unknown_method) return outcome::success();
    return outcome::failure(std::move(request).error());
  }
  auto* changed = std::get_if<protocol::OperationChanged>(&request.value().method);
  if (changed != nullptr && followed_ && changed->operation.id == *followed_) change_ = std::move(changed->operation);
  return outcome::success();
}

Result<std::string> Service::answer_to(std::uint64_t id, TimePoint until) {
  for (;;) {
    TRY(auto text, receive(until));
    TRY(const auto envelope, protocol::decode_envelope(text));
    if (!envelope.is_response) {
      TRY(take_notification(text));
    } else if (!envelope.id || *envelope.id == id) {
      return text;  // without an id: the service could not read the call, and there is only this one
    }
  }
}

Result<std::string> Service::exchange_once(protocol::Request& request, TimePoint until) {
  TRY(connect(until));
  request.id = next_id_++;
  if (auto sent = connection_->send(protocol::encode_request(request), until, wake_); !sent) {
    return outcome::failure(drop_connection(sent.error(), "send to"));
  }
  auto answer = answer_to(*request.id, until);
  if (!answer) return outcome::failure(drop_connection(answer.error(), "get an answer from"));
  return answer;
}

Result<std::string> Service::exchange(protocol::Request request, TimePoint until) {
  auto time = k_first_pause;
  for (int attempt = 1;; ++attempt) {
    auto answer = exchange_once(request, until);
    const bool try_again = !answer && answer.error().code == Errc::unavailable && reached_ && attempt < k_most_attempts;
    if (!try_again || !pause(time, until)) return answer;
    time *= 2;
  }
}

bool Service::woken() const {
  pollfd ready{.fd = wake_, .events = POLLIN, .revents = 0};
  return wake_ >= 0 && ::poll(&ready, 1, 0) > 0;
}

// An error when there is no time left to go on.
Result<void> Service::pause(std::chrono::milliseconds time, TimePoint until) const {
  const TimePoint end = std::min(until, steady_clock::now() + time);
  auto waited = wait_ready(-1, 0, end, wake_);
  if (waited.error().code == Errc::timed_out && end < until) return outcome::success();
  return waited;
}

Result<protocol::OperationView> Service::ask(const OperationId& id, TimePoint until) {
  protocol::Request request{.method = protocol::OperationWatch{id}};
  TRY(const auto text, exchange_once(request, std::min<TimePoint>(until, steady_clock::now() + protocol::k_answer_deadline)));
  return protocol::decode_response<protocol::OperationWatch>(text);
}

// From one answer on, by notifications.
Result<Service::Next> Service::follow(protocol::OperationView operation, TimePoint until, const WaitOptions& options, Waited& waited) {
  for (;;) {
    waited.operation = std::move(operation);
    if (options.on_change && !options.on_change(*waited.operation)) return Next::stopped;
    if (protocol::is_final(waited.operation->state)) return Next::finished;
    const TimePoint ask_at = std::min<TimePoint>(until, steady_clock::now() + options.ask_again);
    while (!change_) {
      auto text = connection_->receive(ask_at, wake_);
      if (!text && text.error().code == Errc::timed_out) return Next::ask_again;
      if (!text) return outcome::failure(drop_connection(text.error(), "hear from"));
      auto envelope = protocol::decode_envelope(text.value());
      if (envelope && envelope.value().is_response) continue;
      auto taken = take_notification(text.value());
      if (!taken) return outcome::failure(drop_connection(taken.error(), "understand"));
    }
    operation = *std::exchange(change_, std::nullopt);
  }
}

Result<Service::Next> Service::ask_and_follow(const OperationId& id, TimePoint until, const WaitOptions& options, Waited& waited) {
  TRY(auto operation, ask(id, until));
  waited.trouble.reset();
  return follow(std::move(operation), until, options, waited);
}

Result<Waited> Service::wait(OperationId id, TimePoint until, const WaitOptions& options) {
  followed_ = id;
  change_.reset();
  Waited waited;
  const auto ended = [&waited](Waited::End end) {
    waited.end = end;
    return std::move(waited);
  };
  std::chrono::milliseconds time = k_first_pause;
  for (;;) {
    auto next = ask_and_follow(id, until, options, waited);
    if (next && next.value() == Next::finished) return ended(Waited::End::finished);
    if (woken() || (next && next.value() == Next::stopped)) return ended(Waited::End::stopped);
    if (next) {
      time = k_first_pause;
    } else {
      const Errc code = next.error().code;
      if (!reached_ || (code != Errc::unavailable && code != Errc::timed_out)) return outcome::failure(std::move(next).error());
      waited.trouble = next.error();
      if (options.on_trouble) options.on_trouble(next.error());
      (void)pause(time, until);  // woken or out of time: seen below or by the next question
      time = std::min(time * 2, k_longest_pause);
    }
    if (steady_clock::now() >= until) return ended(Waited::End::time_limit);
  }
}

}  // namespace zynclone::cli
