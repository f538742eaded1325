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

void Doorbell::ring_after(Deadline delay, std::string name) {
  const bool is_waiting = !later_.empty();
  if (later_.size() < k_most_names) later_.insert(std::move(name));
  if (is_waiting) return;
  later_timer_.expires_after(delay);
  later_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    const bool is_full = later_.size() >= k_most_names;
    for (const std::string& due : std::exchange(later_, {})) ring(is_full ? "" : due);
  });
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
