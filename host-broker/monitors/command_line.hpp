#pragma once
// The options that both monitors have.

#include "host-broker/monitors/monitor_loop.hpp"

namespace CLI {
class App;
}

namespace zynclone::broker::monitors {

// --once, --period, --version. `options` must outlive the parsing.
void add_loop_options(CLI::App& line, LoopOptions& options);

}  // namespace zynclone::broker::monitors
