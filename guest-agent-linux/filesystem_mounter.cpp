#include "guest-agent-linux/filesystem_mounter.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "guest-agent-linux/file_wait.hpp"
#include "guest-agent-linux/own_thread.hpp"
#include "guest-agent-linux/volume_mounts.hpp"
#include "system/descriptor.hpp"
#include "system/log.hpp"

namespace zynclone::agent {
namespace {

// The node of a disk that is gone may still be there: it cannot be opened.
bool is_usable_device(const std::string& path) {
  const Descriptor opened(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat status {};
  return opened && ::fstat(opened.get(), &status) == 0 && S_ISBLK(status.st_mode);
}

void undo(const VolumeMount& volume) {
  log_warning("unmounting '" + printable(volume.device) + "', which was mounted too late");
  if (auto unmounted = unmount_volume(volume); !unmounted) log_error(unmounted.error().message);
}

}  // namespace

asio::awaitable<Result<void>> FilesystemMounter::wait_for_device(std::string device, Deadline limit) {
  return wait_for_file(devices_ / device, is_usable_device, limit);
}

asio::awaitable<Result<bool>> FilesystemMounter::is_mounted(VolumePlace place) {
  const VolumeMount volume{path_of(place.device), place.mount_point};
  const auto found = std::make_shared<bool>(false);
  auto look = [volume, found]() -> Result<void> {
    TRY(*found, is_volume_mounted(volume));
    return outcome::success();
  };
  CO_TRY(co_await call_kernel(place.device, std::move(look), {}, limit_, "looking at '" + volume.mount_point + "'"));
  co_return *found;
}

asio::awaitable<Result<void>> FilesystemMounter::mount(VolumePlace place, std::string filesystem) {
  const VolumeMount volume{path_of(place.device), place.mount_point};
  auto work = [volume, filesystem] { return mount_volume(volume, filesystem); };
  auto late = [volume] { undo(volume); };
  auto mounted = co_await call_kernel(place.device, std::move(work), std::move(late), limit_, "mounting '" + volume.device + "'");
  co_return mounted;
}

asio::awaitable<Result<void>> FilesystemMounter::unmount(VolumePlace place) {
  const VolumeMount volume{path_of(place.device), place.mount_point};
  auto write_out = [volume] { return write_out_volume(volume); };
  CO_TRY(co_await call_kernel(place.device, std::move(write_out), {}, limit_, "writing out '" + volume.device + "'"));
  // Without a limit: whoever asked must know whether it is mounted, and there is little left to write.
  auto unmount = [volume] { return unmount_volume(volume); };
  auto unmounted = co_await call_kernel(place.device, std::move(unmount), {}, k_no_limit, "unmounting '" + volume.device + "'");
  co_return unmounted;
}

asio::awaitable<Result<void>> FilesystemMounter::call_kernel(std::string device, std::function<Result<void>()> work,
                                                             std::function<void()> undo_if_late, Deadline limit, std::string what) {
  if (!in_work_->insert(device).second) co_return fail(Errc::busy, "cannot use '" + device + "': an earlier call for it has not ended");
  OwnThreadWork call;
  call.work = std::move(work);
  call.undo_if_late = std::move(undo_if_late);
  call.ended = [in_work = in_work_, device] { in_work->erase(device); };
  auto ended = co_await run_on_own_thread(std::move(call), limit, std::move(what));
  co_return ended;
}

}  // namespace zynclone::agent
