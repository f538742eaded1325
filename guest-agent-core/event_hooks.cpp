#include "guest-agent-core/event_hooks.hpp"

#include <algorithm>

#include "guest-agent-core/either.hpp"

namespace zynclone::agent {

void EventHooks::happened(HookEvent event, HookEnvironment environment) {
  std::erase_if(waiting_, [&](const Waiting& waiting) { return waiting.event == event; });
  waiting_.push_back(Waiting{event, std::move(environment)});
  changed_.wake();
}

asio::awaitable<void> EventHooks::run() {
  while (!stopping_) {
    if (waiting_.empty()) {
      co_await changed_.wait();
      continue;
    }
    if (quiescer_.held_for()) {
      co_await either(until_stopped(), quiescer_.wait_idle());
      continue;
    }
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    co_await unless(until_stopped(), hooks_.run(next.event, std::move(next.environment)));
  }
}

void EventHooks::stop() {
  stopping_ = true;
  changed_.wake();
}

asio::awaitable<void> EventHooks::until_stopped() {
  while (!stopping_) co_await changed_.wait();
}

}  // namespace zynclone::agent
