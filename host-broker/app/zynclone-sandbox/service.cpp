#include <array>
#include <sstream>

#include "host-broker/app/zynclone-sandbox/commands.hpp"
#include "host-broker/app/zynclone-sandbox/run.hpp"

namespace zynclone::sandbox {
namespace {

// Of four fields that have commas between them, as the host tells them.
void show_row(const std::string& line) {
  std::array<std::string, 4> fields;
  std::istringstream rest(line);
  for (std::string& field : fields) std::getline(rest, field, ',');
  std::printf("%-20s %-8s %-9s  %s\n", fields[0].c_str(), fields[1].c_str(), fields[2].c_str(), fields[3].c_str());
}

}  // namespace

int service_list(const std::string& folder) {
  const auto reply = ask(folder, ControlMessage("service-list"));
  if (!reply) return show(reply.error());
  show_row("service,process,readiness,restarts");
  for (const std::string& line : reply.value().get_list("service")) show_row(printable(line));
  return 0;
}

int service_start(const std::string& folder, const std::string& name, const std::vector<std::string>& environment,
                  const std::vector<std::string>& arguments) {
  ControlMessage request("service-start");
  request.set("name", name);
  request.set_list("environment", environment);
  request.set_list("argument", arguments);
  const auto reply = ask(folder, std::move(request));
  return reply ? 0 : show(reply.error());
}

int service_stop(const std::string& folder, const std::string& name) {
  ControlMessage request("service-stop");
  request.set("name", name);
  const auto reply = ask(folder, std::move(request));
  return reply ? 0 : show(reply.error());
}

}  // namespace zynclone::sandbox
