#include "host-broker/monitors/doorbell.hpp"

#include <boost/asio/as_tuple.hpp>

namespace zynclone::broker::monitors {

void Doorbell::ring() {
  rung_ = true;
  timer_.cancel();
}

asio::awaitable<void> Doorbell::wait(Deadline limit) {
  if (!rung_) {
    timer_.expires_after(limit);
    co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  rung_ = false;
}

}  // namespace zynclone::broker::monitors
