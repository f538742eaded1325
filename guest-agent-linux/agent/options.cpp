#include "guest-agent-linux/agent/options.hpp"

#include "protocol/names.hpp"

namespace zynclone::agent {

Result<AgentOptions> parse_options(int count, char** arguments) {
  constexpr std::string_view k_config = "--config=";
  AgentOptions options;
  for (int i = 1; i < count; ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--help" || argument == "-h") {
      options.action = AgentOptions::Action::help;
    } else if (argument == "--version") {
      options.action = AgentOptions::Action::version;
    } else if (argument == "--config" && i + 1 < count) {
      options.file = arguments[++i];
      options.file_kind = ConfigurationFile::is_named;
    } else if (argument.starts_with(k_config) && argument.size() > k_config.size()) {
      options.file = argument.substr(k_config.size());
      options.file_kind = ConfigurationFile::is_named;
    } else if (argument == "--config" || argument == k_config) {
      return fail(Errc::invalid_argument, "cannot use '--config': it needs a file");
    } else {
      return fail(Errc::invalid_argument, "cannot use '" + printable(argument) + "': allowed are --config FILE, --help, --version");
    }
  }
  return options;
}

std::string_view help_text() {
  return "usage: zynclone-agent [--config FILE]\n"
         "\n"
         "The guest's service of ZynClone: passes requests of this VM's programs on to the\n"
         "broker on the host, and brings applications to rest while a clone is made.\n"
         "\n"
         "  --config FILE  key=value lines; default /etc/zynclone/agent.conf\n"
         "  --help         this text\n"
         "  --version      the version\n"
         "\n"
         "See zynclone-agent(8).\n";
}

}  // namespace zynclone::agent
