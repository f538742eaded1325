#include <cerrno>
#include <cstring>

#include "protocol/channel/vchan_channel.hpp"
#include "protocol/channel/vchan_handle.hpp"

namespace zynclone::channel {
namespace {

constexpr std::size_t k_ring = 16 * 1024;  // bytes each way: four granted pages; longer messages take several turns

}  // namespace

Result<VchanServer> VchanServer::create(asio::any_io_executor executor, DomainId client, std::string path, Deadline write_deadline) {
  if (path.empty() || path.size() > k_longest_vchan_path)
    return fail(Errc::invalid_argument, "cannot advertise a vchan at '" + printable(path) + "': a path has 1 to " +
                                            std::to_string(k_longest_vchan_path) + " characters");
  return VchanServer(std::move(executor), client, std::move(path), write_deadline);
}

Result<std::unique_ptr<VchanHandle>> VchanServer::advertise() {
  TRY(check_vchan_devices());
  errno = 0;
  libxenvchan* control = libxenvchan_server_init(nullptr, static_cast<int>(client_.value), path_.c_str(), k_ring, k_ring);
  if (control == nullptr)
    return fail(Errc::xen, "cannot advertise a vchan at '" + path_ + "': " + (errno != 0 ? std::strerror(errno) : "libxenvchan refused"));
  return VchanHandle::adopt(executor_, control);
}

asio::awaitable<Result<std::unique_ptr<Channel>>> VchanServer::accept() {
  for (;;) {
    CO_TRY(auto handle, advertise());
    while (handle->peer() == VchanHandle::Peer::absent) {
      CO_TRY(co_await handle->next_event());
    }
    // One that came and went leaves a used vchan: the next client needs a new one.
    if (handle->peer() == VchanHandle::Peer::there) co_return std::make_unique<VchanChannel>(std::move(handle), write_deadline_);
  }
}

}  // namespace zynclone::channel
