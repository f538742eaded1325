#include "host-broker/app/zynclone-sandbox/commands.hpp"
#include "host-broker/app/zynclone-sandbox/run.hpp"

namespace zynclone::sandbox {

int service_list(const std::string& folder) {
  const auto reply = ask(folder, ControlMessage("service-list"));
  if (!reply) return show(reply.error());
  std::printf("service,process,readiness,restarts\n");
  for (const std::string& line : reply.value().get_list("service")) std::printf("%s\n", printable(line).c_str());
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
