#include "protocol/channel/wake_up.hpp"

#include <boost/asio/redirect_error.hpp>

#include <algorithm>

namespace zynclone::channel {
namespace {

// One waiting coroutine's place, also when its frame is destroyed while it waits.
class Place {
 public:
  Place(std::shared_ptr<std::vector<asio::steady_timer*>> places, asio::steady_timer* timer) : places_(std::move(places)), timer_(timer) {
    places_->push_back(timer);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() { std::erase(*places_, timer_); }

 private:
  std::shared_ptr<std::vector<asio::steady_timer*>> places_;
  asio::steady_timer* timer_;
};

}  // namespace

asio::awaitable<void> WakeUp::wait() { co_await wait_until(Time::max()); }

asio::awaitable<bool> WakeUp::wait_until(Time time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  Place place(places_, &timer);
  boost::system::error_code error;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
  co_return error == asio::error::operation_aborted;
}

void WakeUp::wake() {
  for (asio::steady_timer* timer : *places_) timer->cancel();
}

}  // namespace zynclone::channel
