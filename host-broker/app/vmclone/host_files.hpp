#pragma once
// The host's files that vmclone reads by itself: where they are stands in broker.conf, and where that is on the command line.

#include <string>

#include "cli/session.hpp"
#include "host-broker/configuration/broker_settings.hpp"

namespace zynclone::broker::vmclone {

struct HostFiles {
  static constexpr std::string_view k_usual_conf = "/etc/zynclone/broker.conf";
  std::string broker_conf{k_usual_conf};

  // Errors: configuration, system.
  Result<configuration::BrokerSettings> settings() const { return configuration::load_broker_settings(broker_conf); }
};

// A command that reads them and asks no service.
inline cli::Command add_local(const cli::Command& parent, cli::Session& session, HostFiles& files, const std::string& name,
                              const std::string& what, cli::Run run) {
  cli::Command command = session.add_local(parent, name, what, std::move(run));
  command.option("--broker-conf", files.broker_conf, "the broker's settings (default: " + files.broker_conf + ")");
  return command;
}

}  // namespace zynclone::broker::vmclone
