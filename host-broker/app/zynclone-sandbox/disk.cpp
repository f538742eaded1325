#include "host-broker/app/zynclone-sandbox/commands.hpp"
#include "host-broker/app/zynclone-sandbox/run.hpp"

namespace zynclone::sandbox {
namespace {

constexpr std::chrono::seconds k_detach_limit{10};  // xl's own

}  // namespace

int attach(const std::string& folder, const std::string& domain, const std::string& disk) {
  ControlMessage request("attach-disk");
  request.set("domain", domain);
  request.set("disk", disk);
  const auto reply = ask(folder, std::move(request));
  return reply ? 0 : show(reply.error());
}

int detach(const std::string& folder, const std::string& domain, const std::string& device, bool by_force) {
  ControlMessage request("detach-disk");
  request.set("domain", domain);
  request.set("device", device);
  request.set("how", by_force ? "force" : "ask");
  request.set("limit", std::to_string(k_detach_limit.count()) + "s");
  const auto reply = ask(folder, std::move(request), 2 * k_detach_limit);
  return reply ? 0 : show(reply.error());
}

}  // namespace zynclone::sandbox
