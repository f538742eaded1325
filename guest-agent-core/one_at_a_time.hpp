#pragma once
// Calls of one kind, one at a time: whoever asks for the same one again while it runs waits for it, and finds afterwards what it came to. It goes
// on when the channel ends, as the host may ask again on the next one; it ends early when it is dropped. Runs on the agent's one thread.

#include <functional>
#include <optional>

#include "guest-agent-core/either.hpp"
#include "protocol/channel/wake_up.hpp"
#include "protocol/result.hpp"

namespace zynclone::agent {

// `Key`: what makes a call the same one.
template <class Key, class Report>
class OneAtATime {
 public:
  using Outcome = Result<Report>;
  using IfDropped = std::function<Error(const Error& why)>;

  const std::optional<Key>& running() const { return running_; }
  // Until this one runs no more.
  asio::awaitable<void> ended(Key key) {
    while (running_ == key) co_await changed_.wait();
  }
  // What the last one came to, if it was this one; else nullptr.
  const Outcome* outcome_of(const Key& key) const { return last_ == key ? &*outcome_ : nullptr; }
  void forget() { last_.reset(); }

  // Does the work, while nothing else runs. `if_dropped` makes the outcome of what was given to drop().
  asio::awaitable<Outcome> run(Key key, asio::awaitable<Outcome> work, IfDropped if_dropped) {
    running_ = key;
    dropped_.reset();
    last_.reset();
    struct End {
      OneAtATime& calls;
      ~End() {
        calls.running_.reset();
        calls.changed_.wake();
      }
    } const end{*this};
    std::optional<Outcome> finished = co_await unless(until_dropped(), std::move(work));
    if (!finished) finished.emplace(if_dropped(*dropped_));
    last_ = std::move(key);
    outcome_ = *finished;
    co_return *finished;
  }

  // Ends what runs.
  void drop(Error why) {
    if (!running_) return;
    dropped_ = std::move(why);
    changed_.wake();
  }
  bool was_dropped() const { return dropped_.has_value(); }  // the last one

 private:
  asio::awaitable<void> until_dropped() {
    while (!dropped_) co_await changed_.wait();
  }

  channel::WakeUp changed_;
  std::optional<Key> running_;
  std::optional<Error> dropped_;
  std::optional<Key> last_;  // that has ended
  std::optional<Outcome> outcome_;
};

}  // namespace zynclone::agent
