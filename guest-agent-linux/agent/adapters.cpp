#include "guest-agent-linux/agent/adapters.hpp"

#include <unistd.h>

#include "guest-agent-linux/filesystem_freezer.hpp"
#include "guest-agent-linux/filesystem_mounter.hpp"
#include "guest-agent-linux/mount_check.hpp"
#include "guest-agent-linux/mount_table.hpp"
#include "guest-agent-linux/pretended_freezer.hpp"
#include "guest-agent-linux/pretended_mounter.hpp"
#include "guest-agent-linux/unix_factory.hpp"
#include "guest-agent-linux/xen_factories.hpp"
#include "system/log.hpp"

namespace zynclone::agent {
namespace {

constexpr const char* k_vchan_device = "/dev/xen/gntalloc";  // with which a guest grants the memory of a vchan

std::unique_ptr<Freezer> make_freezer(asio::any_io_executor executor, const AgentConfiguration& configuration) {
  if (configuration.freezer == FreezerKind::pretended) {
    log_info("file systems are frozen in pretence only, as configured");
    return std::make_unique<PretendedFreezer>(configuration.freeze);
  }
  const MountCheck check({configuration.state_dir, configuration.socket});
  // What is wrong now may be right when it counts, a mount that comes later; and the other way round, so it is checked then again.
  for (const std::string& mount : configuration.freeze) {
    if (auto fine = check(mount); !fine) log_warning(fine.error().message);
  }
  return std::make_unique<FilesystemFreezer>(executor, configuration.freeze, check);
}

std::unique_ptr<VolumeMounter> make_mounter(const AgentConfiguration& configuration) {
  if (configuration.mounter == MounterKind::pretended) {
    log_info("shared volumes are mounted in pretence only, as configured");
    return std::make_unique<PretendedMounter>(configuration.devices_dir);
  }
  if (!configuration.shared_volumes.empty() && has_own_mount_namespace())
    log_warning("shared volumes cannot be mounted: this agent has a mount namespace of its own");
  return std::make_unique<FilesystemMounter>(configuration.devices_dir, configuration.volume_timeout);
}

std::unique_ptr<ChannelFactory> make_channels(asio::any_io_executor executor, const AgentConfiguration& configuration, GuestStore& store) {
  Transport transport = configuration.transport;
  if (transport == Transport::automatic) transport = ::access(k_vchan_device, F_OK) == 0 ? Transport::vchan : Transport::mailbox;
  switch (transport) {
    case Transport::unix_socket: return std::make_unique<UnixFactory>(executor, configuration.unix_channel, store);
    case Transport::vchan: return std::make_unique<VchanFactory>(executor);
    case Transport::mailbox:
    case Transport::automatic: break;
  }
  return std::make_unique<MailboxFactory>(executor);
}

}  // namespace

Adapters::Adapters(asio::any_io_executor executor, const AgentConfiguration& configuration)
    : listener_(executor, configuration.socket, configuration.group),
      store_(executor, XenstoreIdentity::watched()),
      identity_(store_),
      hooks_(configuration.hooks_dir),
      quiesce_store_(configuration.state_dir),
      last_identity_(configuration.identity_file),
      identity_store_(configuration.state_dir),
      volume_store_(configuration.state_dir),
      mount_points_(configuration.shared_volumes),
      commands_(configuration.commands),
      root_(configuration.root),
      freezer_(make_freezer(executor, configuration)),
      mounter_(make_mounter(configuration)),
      channels_(make_channels(executor, configuration, store_)) {}

AgentParts Adapters::parts() {
  return AgentParts{.channels = *channels_,
                    .listener = listener_,
                    .hooks = hooks_,
                    .freezer = *freezer_,
                    .quiesce_store = quiesce_store_,
                    .identity = identity_,
                    .last_identity = last_identity_,
                    .identity_store = identity_store_,
                    .mounter = *mounter_,
                    .volume_store = volume_store_,
                    .mount_points = mount_points_,
                    .commands = commands_ == Commands::allowed ? &command_processes_ : nullptr,
                    .root = root_};
}

AgentLimits limits_of(const AgentConfiguration& configuration) {
  AgentLimits limits;
  limits.hooks.each = configuration.hook_timeout;
  limits.hooks.total = configuration.hooks_timeout;
  limits.identity_hooks.each = std::max(limits.identity_hooks.each, limits.hooks.each);
  limits.identity_hooks.total = std::max(limits.identity_hooks.total, limits.hooks.total);
  limits.quiesce.freeze = configuration.freeze_timeout;
  limits.volumes.device = configuration.volume_timeout;
  return limits;
}

}  // namespace zynclone::agent
