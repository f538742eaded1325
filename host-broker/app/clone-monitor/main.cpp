// clone-monitor: publishes the families' files into XenStore, for the monitors in the backends' domains and for the guests.

#include <CLI/CLI.hpp>

#include <boost/asio/io_context.hpp>

#include "host-broker/monitors/clone_monitor.hpp"
#include "host-broker/monitors/command_line.hpp"
#include "host-broker/monitors/monitor_loop.hpp"

int main(int argc, char** argv) {
  using namespace zynclone::broker::monitors;

  CLI::App line("Publishes clone configuration into XenStore, and keeps it so. Runs in the control domain.", "clone-monitor");
  std::string folder = "/var/lib/zynclone/clones";
  line.add_option("--clones", folder, "the folder with the families' files")->capture_default_str()->type_name("DIR");
  LoopOptions options;
  add_loop_options(line, options);
  CLI11_PARSE(line, argc, argv);

  zynclone::asio::io_context context(1);
  return run_monitor("clone-monitor", context, std::make_shared<CloneMonitor>(context.get_executor(), folder), options);
}
