// zynclone-broker: takes guests' requests for clones of their VM, decides, and carries them out.

#include <CLI/CLI.hpp>

#include "host-broker/app/zynclone-broker/service.hpp"
#include "system/log.hpp"

int main(int count, char** arguments) {
  using namespace zynclone;

  CLI::App app("The broker of ZynClone: takes requests for clones of Xen VMs from their guests and from vmclone, checks them against\n"
               "policy, and carries them out. See zynclone-broker(8).");
  std::string file = "/etc/zynclone/broker.conf";
  app.add_option("--config", file, "settings (zynclone-broker.conf(5)); a file that is not there means the defaults")->capture_default_str();
  app.set_version_flag("--version", "zynclone-broker " ZYNCLONE_VERSION);
  CLI11_PARSE(app, count, arguments);

  const auto settings = broker::configuration::load_broker_settings(file);
  if (!settings) {
    log_error(settings.error().place + ": " + settings.error().message);
    return 1;
  }
  return broker::run_service(settings.value());
}
