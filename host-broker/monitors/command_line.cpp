#include "host-broker/monitors/command_line.hpp"

#include <CLI/CLI.hpp>

#include "system/duration.hpp"

namespace zynclone::broker::monitors {

void add_loop_options(CLI::App& line, LoopOptions& options) {
  line.set_version_flag("--version", std::string(line.get_name()) + " " ZYNCLONE_VERSION);
  line.add_flag("--once", options.once, "compare and mend once, and exit: 0 when all is as it should be");
  line.add_option_function<std::string>(
          "--period",
          [&options](const std::string& text) {
            auto period = parse_duration(text);
            if (!period) throw CLI::ValidationError("--period", period.error().message);
            if (period.value() < std::chrono::milliseconds(100)) throw CLI::ValidationError("--period", "'" + text + "' is below 100ms");
            options.period = period.value();
          },
          "the longest time between two comparisons, such as 30s; changes are noticed at once")
      ->default_str("30s")
      ->type_name("TIME");
}

}  // namespace zynclone::broker::monitors
