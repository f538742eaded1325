#pragma once
// How often one guest may make the broker start a link: later and later while it fails, at once when something new is advertised, and
// never more than a few times a minute. Pure; the caller brings the time.

#include <algorithm>
#include <chrono>

namespace zynclone::broker::gateway {

struct PaceLimits {
  std::chrono::steady_clock::duration shortest = std::chrono::milliseconds(250);  // after the first failure
  std::chrono::steady_clock::duration longest = std::chrono::seconds(30);         // doubled up to this
  double burst = 10;                                                              // attempts at once
  std::chrono::steady_clock::duration refill = std::chrono::seconds(5);           // for one attempt more
};

class ConnectPace {
 public:
  using Time = std::chrono::steady_clock::time_point;
  explicit ConnectPace(PaceLimits limits, Time now) : limits_(limits), pause_(limits.shortest), tokens_(limits.burst), counted_(now) {}

  // When the next attempt may be made; not after `now`: now.
  Time next(Time now) const {
    const double missing = 1.0 - tokens_at(now);
    const auto token_at = missing <= 0 ? now : now + std::chrono::duration_cast<Time::duration>(limits_.refill * missing);
    return std::max({now, not_before_, token_at});
  }

  void attempted(Time now) {
    tokens_ = tokens_at(now) - 1.0;
    counted_ = now;
  }
  void failed(Time now) {
    not_before_ = now + pause_;
    pause_ = std::min(pause_ * 2, limits_.longest);
  }
  // The channel was open. What comes next is a first failure again.
  void succeeded() {
    pause_ = limits_.shortest;
    not_before_ = Time::min();
  }
  void advertised_anew() { succeeded(); }

 private:
  double tokens_at(Time now) const {
    const double gained = std::chrono::duration<double>(now - counted_) / std::chrono::duration<double>(limits_.refill);
    return std::min(limits_.burst, tokens_ + gained);
  }

  PaceLimits limits_;
  Time::duration pause_;
  Time not_before_ = Time::min();
  double tokens_;
  Time counted_;
};

}  // namespace zynclone::broker::gateway
