#pragma once
// Takes shared volumes into use and gives them up, for the broker: hooks and mounts, in that order, and back to what was when one of them fails.
// One change at a time for one volume, each a task of its own, so that it comes to its end whatever happens to the caller. Owned by Agent; runs
// on its one thread.

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "guest-agent-core/hooks.hpp"
#include "guest-agent-core/quiesce.hpp"
#include "guest-agent-core/volume_mounter.hpp"
#include "guest-agent-core/volume_record.hpp"
#include "protocol/channel/wake_up.hpp"
#include "protocol/messages.hpp"

namespace zynclone::agent {

struct VolumeLimits {
  Deadline device = std::chrono::seconds(10);  // until the device is there, which the broker has attached already
};

using MountPoints = std::map<VolumeName, std::string>;  // of the volumes that the agent mounts; all others are their hooks' affair

class VolumeChanges {
 public:
  VolumeChanges(asio::any_io_executor executor, Hooks& hooks, VolumeMounter& mounter, VolumeStore& store, const Quiescer& quiescer,
                MountPoints mount_points, VolumeLimits limits);

  // Runs the release-volume hooks, writes out and unmounts. What is not mounted is released, too: its hooks run all the same. After an error it
  // is in use as before: it is mounted, and the acquire-volume hooks have run again, if it was. The same call again: the same answer, without
  // doing it again unless somebody mounted it since. Errors: busy (another change of it runs, or the guest is quiesced), conflict (an older lease
  // than this guest was told of; somebody uses it), invalid_argument; a hook's, the mounter's.
  asio::awaitable<Result<protocol::ReleaseReport>> release(protocol::GuestReleaseVolume call);

  // Waits for the device, mounts it and runs the acquire-volume hooks. After an error it is not in use: the release-volume hooks have run if an
  // acquire-volume hook had, and it is not mounted; if that fails, the error says so. The same call again: as for release. Errors: as for
  // release; timed_out (the device does not come).
  asio::awaitable<Result<protocol::AcquireReport>> acquire(protocol::GuestAcquireVolume call);

  // Ends what runs, as it is, with this error: its hook is killed, and nothing is put back.
  void drop(Error why);

  // Of no lease that it was told of anything holds any more: it woke up in a clone, whose volumes are copies.
  void forget();

  // What runs now: "volume 'sales' is being released".
  std::optional<std::string> in_work() const;

 private:
  struct Order;
  struct Work;
  using Outcome = Result<VolumeRecord>;

  asio::awaitable<Outcome> change(Order order);
  Result<void> check(const Order& order) const;
  asio::awaitable<void> run(std::shared_ptr<Work> work);
  asio::awaitable<void> until_dropped(std::shared_ptr<Work> work);
  asio::awaitable<Outcome> carry_out(Order order);
  asio::awaitable<Outcome> give_up(Order order);
  asio::awaitable<Outcome> take(Order order);
  asio::awaitable<Error> use_again(Order order, Error why);
  asio::awaitable<Error> put_down(Order order, Error why);
  asio::awaitable<HookReport> run_hooks(HookEvent event, Order order);
  std::optional<VolumeRecord> recorded(const VolumeName& volume);
  VolumePlace place_of(const Order& order) const;

  asio::any_io_executor executor_;
  Hooks& hooks_;
  VolumeMounter& mounter_;
  VolumeStore& store_;
  const Quiescer& quiescer_;
  MountPoints mount_points_;
  VolumeLimits limits_;
  channel::WakeUp changed_;
  std::map<VolumeName, std::shared_ptr<Work>> works_;
};

}  // namespace zynclone::agent
