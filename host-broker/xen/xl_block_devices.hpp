#pragma once
// Block devices of a real Xen host: attached and detached by `xl`, whose disk parser and hotplug scripts these are; what is attached, and when it
// is there or gone, is read from the backends' side of XenStore and from the kernel's list of backends. One object a process, on its one thread.

#include <functional>
#include <memory>

#include "host-broker/xen/block_backends.hpp"

namespace zynclone::broker::xen {

struct BlockDeviceSettings {
  std::string xl = "xl";                                        // looked for in PATH
  std::string kernel_backends = "/sys/bus/xen-backend/devices";  // one entry each: vbd-<domain>-<device number>
  std::string block_script;                                     // instead of Xen's own, for block devices: zynclone-block; empty: Xen's own
  Deadline attach_limit = std::chrono::seconds(120);              // for xl, and then for the guest to connect
};

class XlBlockDevices final : public BlockDevices {
 public:
  // `pool` is where XenStore is asked; it must outlive this.
  XlBlockDevices(asio::thread_pool& pool, BlockDeviceSettings settings) : pool_(pool), settings_(std::move(settings)) {}

  asio::awaitable<Result<std::vector<Attachment>>> attachments_of(Volume volume) override;
  asio::awaitable<Result<void>> attach(DomainId domain, VmDisk disk) override;
  asio::awaitable<Result<void>> detach(DomainId domain, VmDisk disk, Detach how, Deadline limit) override;

 private:
  using StorePointer = std::shared_ptr<xenstore::Store>;  // shared with calls that took too long
  struct View {
    bool domain_is_there = false;
    std::vector<BlockBackend> backends;
  };
  asio::awaitable<Result<StorePointer>> open();
  asio::awaitable<Result<View>> look(StorePointer store, DomainId domain, Volume volume);
  asio::awaitable<Result<std::string>> wait_until(StorePointer store, std::string watched, std::function<Result<std::string>()> missing, Deadline limit);
  asio::awaitable<Result<void>> wait_connected(StorePointer store, std::string backend);
  asio::awaitable<Result<bool>> has_been_asked(StorePointer store, BlockBackend backend);
  asio::awaitable<Result<void>> wait_gone(StorePointer store, BlockBackend backend, Deadline limit);
  asio::awaitable<Result<void>> check_server(StorePointer store, DomainId domain, VmDisk disk);
  asio::awaitable<Result<void>> clear_refused(StorePointer store, View view, DomainId domain, VmDisk disk);
  asio::awaitable<Result<void>> make(StorePointer store, DomainId domain, VmDisk disk, std::string specification);
  asio::awaitable<Result<void>> take_away(StorePointer store, BlockBackend backend, VmDisk disk, Detach how, Deadline limit);
  asio::awaitable<Result<void>> run_xl(std::vector<std::string> arguments, Deadline limit);
  static const BlockBackend* find(const View& view, DomainId domain, const VmDisk& disk);
  static std::optional<Error> conflict(const View& view, DomainId domain, const VmDisk& disk);

  asio::thread_pool& pool_;
  BlockDeviceSettings settings_;
};

}  // namespace zynclone::broker::xen
