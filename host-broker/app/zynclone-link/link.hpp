#pragma once
// The life of a link: connect, give up everything, relay.

#include "host-broker/app/zynclone-link/arguments.hpp"
#include "host-broker/gateway/link_exit.hpp"

namespace zynclone::broker::link {

gateway::LinkExit run_link(const Arguments& arguments);

}  // namespace zynclone::broker::link
