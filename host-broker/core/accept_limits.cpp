#include "host-broker/core/accept_limits.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>

namespace zynclone::broker {

std::optional<std::chrono::nanoseconds> MessageLimit::take(const Uuid& member, SteadyTime now) {
  auto found = paid_until_.find(member);
  if (found == paid_until_.end()) {
    // Members come and go with their clones; who owes nothing need not be remembered.
    std::erase_if(paid_until_, [now](const auto& entry) { return entry.second <= now; });
    found = paid_until_.emplace(member, now).first;
  }
  const SteadyTime until = std::max(found->second, now) + interval_;
  const auto too_early = until - now - std::chrono::seconds(k_message_burst);
  if (too_early > too_early.zero()) return too_early;
  found->second = until;
  return std::nullopt;
}

bool RequestLimit::take(const Uuid& family, SteadyTime now) {
  auto& taken = taken_[family];
  while (!taken.empty() && taken.front() + k_request_window <= now) taken.pop_front();
  if (taken.size() >= k_most_requests) return false;
  taken.push_back(now);
  return true;
}

SteadyTime RequestLimit::next(const Uuid& family) const { return taken_.at(family).front() + k_request_window; }

RefusalLimit::Note RefusalLimit::note(const Uuid& family, SteadyTime now) {
  Hour& hour = hours_.try_emplace(family, Hour{.began = now}).first->second;
  // One with a count ends by take_count only, so that no count is lost.
  if (hour.began + k_refusal_window <= now && hour.counted == 0) hour = Hour{.began = now};
  if (hour.noted < k_most_refusals_noted) {
    ++hour.noted;
    return Note::entry;
  }
  return ++hour.counted == 1 ? Note::first_counted : Note::counted;
}

SteadyTime RefusalLimit::ends(const Uuid& family) const { return hours_.at(family).began + k_refusal_window; }

std::uint64_t RefusalLimit::take_count(const Uuid& family) {
  const auto hour = hours_.extract(family);
  return hour ? hour.mapped().counted : 0;
}

struct FamilyTurns::Line {
  explicit Line(asio::any_io_executor executor) : freed(std::move(executor), SteadyTime::max()) {}
  asio::steady_timer freed;   // cancelled when a turn ends
  bool is_taken = false;
};

FamilyTurns::Turn::~Turn() {
  if (!line_) return;
  line_->is_taken = false;
  line_->freed.cancel();
}

asio::awaitable<FamilyTurns::Turn> FamilyTurns::take(Uuid family) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  std::erase_if(lines_, [](const auto& entry) { return entry.second.expired(); });
  std::shared_ptr<Line> line = lines_[family].lock();
  if (!line) {
    line = std::make_shared<Line>(executor);
    lines_[family] = line;
  }
  while (line->is_taken) {
    boost::system::error_code woken;
    co_await line->freed.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
  line->is_taken = true;
  co_return Turn(std::move(line));
}

}  // namespace zynclone::broker
