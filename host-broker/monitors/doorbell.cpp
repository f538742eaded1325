#include "host-broker/monitors/doorbell.hpp"

#include <boost/asio/as_tuple.hpp>

namespace zynclone::broker::monitors {
namespace {

constexpr std::size_t k_most_names = 4096;  // beyond, one look at everything is cheaper

}  // namespace

void Doorbell::ring(std::string name) {
  if (name.empty() || hints_.names.size() >= k_most_names) {
    hints_ = Hints::all();
  } else if (!hints_.everything) {
    hints_.names.insert(std::move(name));
  }
  rung_ = true;
  timer_.cancel();
}

asio::awaitable<Hints> Doorbell::wait(Deadline limit) {
  if (!rung_) {
    timer_.expires_after(limit);
    co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  if (!rung_) co_return Hints::all();
  rung_ = false;
  co_return std::exchange(hints_, Hints());
}

}  // namespace zynclone::broker::monitors
