#include "protocol/channel/vchan_handle.hpp"

#include <boost/asio/redirect_error.hpp>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <ctime>

extern "C" {
#include <xenstore.h>
}

namespace zynclone::channel {
namespace {

// The peer may change it at any moment: one read each, by the compiler too.
std::uint32_t load(const std::uint32_t& index) { return *const_cast<const volatile std::uint32_t*>(&index); }

std::chrono::nanoseconds now_by(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

// CLOCK_BOOTTIME goes on while a VM is suspended, CLOCK_MONOTONIC does not (clock_gettime(2)).
std::chrono::nanoseconds time_suspended() {
  constexpr std::chrono::microseconds k_exact{200};
  for (int tries = 0;; ++tries) {
    const auto before = now_by(CLOCK_MONOTONIC);
    const auto all = now_by(CLOCK_BOOTTIME);
    if (now_by(CLOCK_MONOTONIC) - before < k_exact || tries == 100) return all - before;
  }
}

// As libxenvchan does when it closes a server (close_xs_srv in init.c): who looks must not take it for one that lives.
void take_back_advertisement(const std::string& path) {
  xs_handle* store = xs_open(0);
  if (store == nullptr) return;
  xs_rm(store, XBT_NULL, path.c_str());
  xs_close(store);
}

constexpr std::chrono::milliseconds k_least_suspension{5};  // above what the two clocks' readings can differ by

Error gone() { return Error{Errc::unavailable, "cannot use the vchan: the peer is gone"}; }
Error vchan_closed() { return Error{Errc::unavailable, "cannot use the vchan: the channel is closed"}; }
Error corrupt(std::string what, std::uint32_t is, std::uint32_t limit) {
  return Error{Errc::xen, "cannot use the vchan: its " + std::move(what) + " is " + std::to_string(is) + ", expected " + std::to_string(limit)};
}

}  // namespace

Result<std::unique_ptr<VchanHandle>> VchanHandle::adopt(asio::any_io_executor executor, libxenvchan* control) {
  std::unique_ptr<VchanHandle> handle(new VchanHandle(std::move(executor), control));
  control->blocking = 0;
  handle->event_descriptor_ = libxenvchan_fd_for_select(control);
  boost::system::error_code error;
  handle->events_.assign(handle->event_descriptor_, error);
  // libxenvchan_wait reads the descriptor: without this it would block when another coroutine has taken the event.
  if (!error) handle->events_.native_non_blocking(true, error);
  if (error) return fail(Errc::system, "cannot wait for the vchan's events: " + error.message());
  return handle;
}

VchanHandle::VchanHandle(asio::any_io_executor executor, libxenvchan* control) : control_(control), events_(std::move(executor)), suspended_before_(time_suspended()) {
  own_.consumed = load(control->read.shr->cons);
  own_.produced = load(control->write.shr->prod);
}

VchanHandle::~VchanHandle() { close(); }

Result<void> VchanHandle::check_rings() const {
  const std::uint32_t read_consumed = load(control_->read.shr->cons);
  const std::uint32_t write_produced = load(control_->write.shr->prod);
  if (read_consumed != own_.consumed) return corrupt("read ring's consumer index", read_consumed, own_.consumed);
  if (write_produced != own_.produced) return corrupt("write ring's producer index", write_produced, own_.produced);
  // Free-running indices: unsigned differences are right over the wrap.
  const std::uint32_t ready = load(control_->read.shr->prod) - own_.consumed;
  const std::uint32_t read_size = 1u << control_->read.order;
  if (ready > read_size) return corrupt("read ring's fill", ready, read_size);
  const std::uint32_t unread = own_.produced - load(control_->write.shr->cons);
  const std::uint32_t write_size = 1u << control_->write.order;
  if (unread > write_size) return corrupt("write ring's fill", unread, write_size);
  return outcome::success();
}

Result<std::size_t> VchanHandle::read(void* into, std::size_t size) {
  if (control_ == nullptr) return vchan_closed();
  TRY(check_rings());
  const int count = libxenvchan_read(control_, into, std::min<std::size_t>(size, INT_MAX));
  if (count < 0) return gone();
  own_.consumed += static_cast<std::uint32_t>(count);
  return static_cast<std::size_t>(count);
}

Result<std::size_t> VchanHandle::write(const void* from, std::size_t size) {
  if (control_ == nullptr) return vchan_closed();
  TRY(check_rings());
  const int count = libxenvchan_write(control_, from, std::min<std::size_t>(size, INT_MAX));
  if (count < 0) return gone();
  own_.produced += static_cast<std::uint32_t>(count);
  return static_cast<std::size_t>(count);
}

asio::awaitable<Result<void>> VchanHandle::next_event() {
  if (control_ == nullptr) co_return vchan_closed();
  boost::system::error_code error;
  co_await events_.async_wait(asio::posix::stream_descriptor::wait_read, asio::redirect_error(asio::use_awaitable, error));
  if (control_ == nullptr) co_return vchan_closed();
  if (error == asio::error::operation_aborted) co_return fail(Errc::cancelled, "cannot wait for the vchan: cancelled");
  if (error) co_return fail(Errc::unavailable, "cannot wait for the vchan: " + error.message());
  // Clears the event, which another coroutine may have done just before.
  if (libxenvchan_wait(control_) != 0 && errno != EAGAIN && errno != EINTR)
    co_return fail(Errc::unavailable, std::string("cannot wait for the vchan: ") + std::strerror(errno));
  co_return outcome::success();
}

VchanHandle::Peer VchanHandle::peer() const {
  if (control_ == nullptr) return Peer::gone;
  switch (libxenvchan_is_open(control_)) {
    case 0: return Peer::gone;
    case 2: return Peer::absent;
    default: return Peer::there;
  }
}

bool VchanHandle::had_no_client() const {
  return control_ != nullptr && load(control_->read.shr->cons) == 0 && load(control_->write.shr->prod) == 0 && load(control_->write.shr->cons) == 0;
}

int VchanHandle::largest_order() const { return control_ == nullptr ? 0 : std::max<int>(control_->read.order, control_->write.order); }

void VchanHandle::close() {
  if (control_ == nullptr) return;
  // libxenvchan closes the descriptor. Asio only lets it go; closed twice it would take a stranger's.
  if (events_.is_open()) events_.release();
  libxenvchan* control = std::exchange(control_, nullptr);
  if (confined_) return;
  if (time_suspended() - suspended_before_ < k_least_suspension) {
    libxenvchan_close(control);
    return;
  }
  // All the same the peer is told, if it is there: this may be the VM that went on, and not its copy.
  if (control->is_server != 0) control->ring->srv_live = 0;
  else control->ring->cli_live = 0;
  xenevtchn_notify(control->event, control->event_port);
  if (control->is_server != 0 && control->xs_path != nullptr) take_back_advertisement(control->xs_path);
}

Result<void> VchanHandle::confine(DomainId peer_domain) {
  if (control_ == nullptr) return vchan_closed();
  if (xenevtchn_restrict(control_->event, static_cast<domid_t>(peer_domain.value)) != 0)
    return fail(Errc::system, std::string("cannot restrict the event channel to its domain: ") + std::strerror(errno));
  // What is mapped stays mapped; nothing more can be.
  if (::close(xengnttab_fd(control_->gnttab)) != 0)
    return fail(Errc::system, std::string("cannot close the grant device: ") + std::strerror(errno));
  confined_ = true;
  return outcome::success();
}

}  // namespace zynclone::channel
