#pragma once
// Block devices of a real Xen host: attached and detached by zynclone-disk as `xl` would, two of which are kept ready from the first look at a volume
// on; what is attached, and when it is there or gone, is read from the backends' side of XenStore and from the kernel's list of backends. One object a
// process, on its one thread.

#include <functional>
#include <memory>

#include "host-broker/xen/block_backends.hpp"
#include "host-broker/xen/ready_program.hpp"

namespace zynclone::broker::xen {

struct BlockDeviceSettings {
  std::string program = "/usr/libexec/zynclone/zynclone-disk";
  std::string kernel_backends = "/sys/bus/xen-backend/devices";  // one entry each: vbd-<domain>-<device number>
  std::string block_script;                                     // instead of Xen's own, for block devices: zynclone-block; empty: Xen's own
  Deadline attach_limit = std::chrono::seconds(120);              // for the program, and then for the guest to connect
  Deadline until_ready = std::chrono::seconds(3);                 // after the last work, so that the next ones do not slow it down as they start
};

inline constexpr std::size_t k_most_ready = 2;  // one to take a volume from a member, one to give it to the other

class XlBlockDevices final : public BlockDevices {
 public:
  // `pool` is where XenStore is asked; it must outlive this.
  XlBlockDevices(asio::thread_pool& pool, BlockDeviceSettings settings) : pool_(pool), settings_(std::move(settings)), programs_(settings_.program, k_most_ready, settings_.until_ready) {}

  asio::awaitable<Result<std::vector<Attachment>>> attachments_of(Volume volume) override;
  asio::awaitable<Result<void>> attach(DomainId domain, VmDisk disk) override;
  asio::awaitable<Result<void>> detach(DomainId domain, VmDisk disk, Detach how, Deadline limit) override;

  // Programs that wait for work.
  std::size_t ready() const { return programs_.ready(); }

 private:
  using StorePointer = std::shared_ptr<xenstore::Store>;  // shared with calls that took too long
  struct View {
    bool domain_is_there = false;
    std::vector<BlockBackend> backends;
  };
  asio::awaitable<Result<StorePointer>> open();
  asio::awaitable<Result<View>> look(StorePointer store, DomainId domain, Volume volume);
  asio::awaitable<Result<std::string>> wait_until(StorePointer store, std::string watched, std::function<Result<std::string>()> missing, Deadline limit);
  asio::awaitable<Result<void>> wait_connected(StorePointer store, DomainId domain, std::string backend);
  asio::awaitable<Result<bool>> remove_remains(StorePointer store, BlockBackend backend);
  asio::awaitable<Result<bool>> has_been_asked(StorePointer store, BlockBackend backend);
  asio::awaitable<Result<void>> wait_gone(StorePointer store, BlockBackend backend, Deadline limit);
  asio::awaitable<Result<void>> check_server(StorePointer store, DomainId domain, VmDisk disk);
  asio::awaitable<Result<void>> clear_refused(StorePointer store, View view, DomainId domain, VmDisk disk);
  asio::awaitable<Result<void>> make(StorePointer store, DomainId domain, VmDisk disk, std::string specification);
  asio::awaitable<Result<void>> take_away(StorePointer store, BlockBackend backend, VmDisk disk, Detach how, Deadline limit);
  asio::awaitable<Result<void>> run_program(std::vector<std::string> arguments, Deadline limit);
  static const BlockBackend* find(const View& view, DomainId domain, const VmDisk& disk);
  static std::optional<Error> conflict(const View& view, DomainId domain, const VmDisk& disk);

  asio::thread_pool& pool_;
  BlockDeviceSettings settings_;
  ReadyPrograms programs_;
};

}  // namespace zynclone::broker::xen
