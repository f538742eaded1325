#include "protocol/channel/vchan_channel.hpp"

#include <algorithm>

#include "protocol/channel/vchan_handle.hpp"

namespace zynclone::channel {
namespace {

// 128 KiB: much more than a server of ours makes, and far from what a hostile one could make this side map (1 MiB each way, with
// the grant list running into the ring in one combination).
constexpr int k_largest_order = 17;

constexpr std::chrono::milliseconds k_shortest_wait{1};

}  // namespace

Result<std::unique_ptr<VchanChannel>> VchanChannel::connect(asio::any_io_executor executor, DomainId server, const std::string& path,
                                                            Deadline write_deadline) {
  const std::string what = "cannot connect to the vchan '" + printable(path) + "': ";
  if (path.size() > k_longest_vchan_path)
    return fail(Errc::invalid_argument, what + "the path has more than " + std::to_string(k_longest_vchan_path) + " characters");
  libxenvchan* control = libxenvchan_client_init(nullptr, static_cast<int>(server.value), path.c_str());
  if (control == nullptr) return fail(Errc::unavailable, what + "nothing that lives is advertised there");
  TRY(auto handle, VchanHandle::adopt(std::move(executor), control));
  if (handle->largest_order() > k_largest_order)
    return fail(Errc::xen, what + "its ring has 2^" + std::to_string(handle->largest_order()) + " bytes, at most 2^" +
                               std::to_string(k_largest_order) + " are allowed");
  if (handle->peer() == VchanHandle::Peer::gone) return fail(Errc::unavailable, what + "its server is gone");
  // Another client's bytes are in it, or gone from it. Closing it, as returning here does, tells the server to make a new one.
  if (!handle->had_no_client()) return fail(Errc::unavailable, what + "it was used before");
  return std::make_unique<VchanChannel>(std::move(handle), write_deadline);
}

VchanChannel::VchanChannel(std::unique_ptr<VchanHandle> handle, Deadline write_deadline)
    : handle_(std::move(handle)), write_deadline_(write_deadline) {}

VchanChannel::~VchanChannel() = default;

asio::awaitable<Result<std::size_t>> VchanChannel::read_some(asio::mutable_buffer into) {
  for (;;) {
    CO_TRY(auto count, handle_->read(into.data(), into.size()));
    if (count > 0) co_return count;
    CO_TRY(co_await handle_->next_event());
  }
}

asio::awaitable<Result<void>> VchanChannel::write(asio::const_buffer from) {
  using Clock = std::chrono::steady_clock;
  auto deadline = Clock::now() + write_deadline_;
  while (from.size() > 0) {
    CO_TRY(auto count, handle_->write(from.data(), from.size()));
    from += count;
    if (from.size() == 0) break;
    if (count > 0) {
      deadline = Clock::now() + write_deadline_;
      continue;
    }
    // Events alone are no progress: the peer can send them without reading.
    if (Clock::now() >= deadline) co_return took_too_long("writing to a peer that reads nothing", write_deadline_);
    const auto left = std::max<Deadline>(deadline - Clock::now(), k_shortest_wait);
    auto event = co_await with_timeout(handle_->next_event(), left, "waiting for room in the vchan");
    if (!event && event.error().code != Errc::timed_out) co_return std::move(event).error();
  }
  co_return outcome::success();
}

void VchanChannel::close() { handle_->close(); }

Result<void> VchanChannel::confine(DomainId server) { return handle_->confine(server); }

int VchanChannel::event_descriptor() const { return handle_->event_descriptor(); }

}  // namespace zynclone::channel
