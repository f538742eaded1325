#pragma once
// The daemon's command line.

#include <string>

#include "guest-agent-linux/configuration.hpp"

namespace zynclone::agent {

struct AgentOptions {
  enum class Action { run, help, version };
  Action action = Action::run;
  std::string file = "/etc/zynclone/agent.conf";
  ConfigurationFile file_kind = ConfigurationFile::is_default;
};

// Errors: invalid_argument.
Result<AgentOptions> parse_options(int count, char** arguments);

std::string_view help_text();

}  // namespace zynclone::agent
