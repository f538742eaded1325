#pragma once
// /etc/zynclone/agent.conf: key=value lines. A key that is absent has the value given here. docs: zynclone-agent(8).

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "guest-agent-core/volume_changes.hpp"

namespace zynclone::agent {

enum class Transport { automatic, vchan, unix_socket, mailbox };  // auto: vchan if the kernel has it (/dev/xen/gntalloc), else mailbox
enum class FreezerKind { real, pretended };
enum class MounterKind { real, pretended };
enum class Commands { refused, allowed };

struct AgentConfiguration {
  std::string socket = "/run/zynclone/agent.sock";   // `socket`: the local API
  std::string group = "zynclone";                    // `group`: who may make requests that change something
  Transport transport = Transport::automatic;        // `transport`: auto, vchan, unix, mailbox
  std::string unix_channel;                          // `unix_channel`: where the broker connects, for transport=unix (sandbox only)
  std::string hooks_dir = "/etc/zynclone/hooks.d";   // `hooks_dir`
  std::chrono::milliseconds hook_timeout{10'000};    // `hook_timeout`: of one hook
  std::chrono::milliseconds hooks_timeout{30'000};   // `hooks_timeout`: of all hooks of one event
  std::vector<std::string> freeze;                   // `freeze`: mount points, with white space between them
  std::chrono::milliseconds freeze_timeout{10'000};  // `freeze_timeout`: until all of them are frozen
  FreezerKind freezer = FreezerKind::real;           // `freezer`: real, pretended (sandbox: nothing is frozen)
  MounterKind mounter = MounterKind::real;           // `mounter`: real, pretended (sandbox: a link stands for the mounted volume)
  std::string devices_dir = "/dev";                  // `devices_dir`: where the devices of shared volumes appear
  MountPoints shared_volumes;                        // `shared_volume.<name>`: where the agent mounts it
  std::chrono::milliseconds volume_timeout{20'000};  // `volume_timeout`: until a shared volume's device is there; it is mounted; it is written out
  Commands commands = Commands::allowed;             // `commands`: yes, no: may the host's administrator run commands in this guest
  std::string state_dir = "/run/zynclone";           // `state_dir`: what must survive the agent but not a reboot
  std::string root;                                  // `root`: a folder that stands for / in hooks (sandbox: theirs is pretended)
  std::string identity_file = "/var/lib/zynclone-agent/identity";  // `identity_file`: state_dir/identity if only state_dir is given
};

// Errors: configuration, with file:line.
Result<AgentConfiguration> parse_configuration(std::string_view text, const std::string& file);

// A file that is not there is an error only if it `is_named` on the command line.
enum class ConfigurationFile { is_default, is_named };
Result<AgentConfiguration> read_configuration(const std::string& file, ConfigurationFile kind);

}  // namespace zynclone::agent
