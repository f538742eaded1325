#pragma once
// What the configuration chooses, made: channels, freezer, mounter, stores and hooks of a Linux guest, in the order in which they need each other.

#include <memory>

#include "guest-agent-core/agent.hpp"
#include "guest-agent-linux/configuration.hpp"
#include "guest-agent-linux/file_stores.hpp"
#include "guest-agent-linux/guest_store.hpp"
#include "guest-agent-linux/hook_folder.hpp"
#include "guest-agent-linux/hook_process.hpp"
#include "guest-agent-linux/unix_local_listener.hpp"
#include "guest-agent-linux/xenstore_identity.hpp"

namespace zynclone::agent {

class Adapters {
 public:
  Adapters(asio::any_io_executor executor, const AgentConfiguration& configuration);

  AgentParts parts();

 private:
  UnixLocalListener listener_;
  GuestStore store_;
  XenstoreIdentity identity_;
  HookFolder hooks_;
  FileQuiesceStore quiesce_store_;
  FileLastIdentity last_identity_;
  FileIdentityStore identity_store_;
  FileVolumeStore volume_store_;
  MountPoints mount_points_;
  CommandProcesses command_processes_;
  Commands commands_;
  std::string root_;
  std::unique_ptr<Freezer> freezer_;
  std::unique_ptr<VolumeMounter> mounter_;
  std::unique_ptr<ChannelFactory> channels_;
};

AgentLimits limits_of(const AgentConfiguration& configuration);

}  // namespace zynclone::agent
