#pragma once
// The broker as a service: starts its parts in the order in which they need each other, keeps house, and ends them when told to.

#include "host-broker/app/zynclone-broker/host.hpp"

namespace zynclone::broker {

// Runs until SIGTERM or SIGINT. Gives the process's exit status: 0, or 1 with the reason logged.
int run_service(const configuration::BrokerSettings& settings);

}  // namespace zynclone::broker
