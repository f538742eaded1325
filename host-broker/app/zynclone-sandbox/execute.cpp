#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

#include "host-broker/app/zynclone-sandbox/commands.hpp"
#include "host-broker/app/zynclone-sandbox/run.hpp"
#include "host-broker/sandbox/bring_up.hpp"
#include "host-broker/sandbox/guest.hpp"
#include "host-broker/sandbox/programs.hpp"
#include "host-broker/sandbox/toolstack.hpp"

namespace zynclone::sandbox {
namespace {

constexpr int k_not_run = 127;  // as a shell says it

Result<broker::Domain> find_domain(const Layout& layout, const std::string& name) {
  SandboxToolstack toolstack(layout);
  TRY(const auto domains, run_to_end(toolstack.list_domains()));
  for (const auto& domain : domains)
    if (domain.name == name || std::to_string(domain.id.value) == name) return domain;
  return fail(Errc::not_found, "cannot find domain '" + printable(name) + "': no such domain");
}

int become(const std::vector<std::string>& command, const std::map<std::string, std::string>& environment) {
  for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
  std::vector<std::string> texts = command;
  std::vector<char*> arguments;
  for (std::string& text : texts) arguments.push_back(text.data());
  arguments.push_back(nullptr);
  ::execvp(arguments.front(), arguments.data());
  show({Errc::system, "cannot run '" + printable(command.front()) + "': " + std::strerror(errno)});
  return k_not_run;
}

}  // namespace

int execute_in_guest(const std::string& folder, const std::string& domain, const std::vector<std::string>& command) {
  const auto layout = Layout::of(folder);
  if (!layout) return show(layout.error());
  const auto found = find_domain(layout.value(), domain);
  if (!found) return show(found.error());
  return become(command, guest_environment(layout.value(), found.value().id, found.value().name));
}

int execute_on_host(const std::string& folder, const std::vector<std::string>& command) {
  const auto layout = Layout::of(folder);
  if (!layout) return show(layout.error());
  return become(command, host_environment(layout.value()));
}

}  // namespace zynclone::sandbox
