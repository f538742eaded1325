#include "host-broker/app/zynclone-sandbox/commands.hpp"
#include "host-broker/app/zynclone-sandbox/run.hpp"
#include "host-broker/sandbox/toolstack.hpp"

namespace zynclone::sandbox {
namespace {

const char* word_of(broker::DomainState state) {
  switch (state) {
    case broker::DomainState::running: return "running";
    case broker::DomainState::paused: return "paused";
    case broker::DomainState::shut_down: return "shut-down";
    case broker::DomainState::dying: return "dying";
  }
  return "unknown";
}

asio::awaitable<Result<DomainId>> create(SandboxToolstack& toolstack, std::string file, bool paused) {
  CO_TRY(const DomainId domain, co_await toolstack.start_original(std::move(file)));
  if (!paused) {
    CO_TRY(co_await toolstack.unpause(domain));
    CO_TRY(co_await toolstack.wait_ready(domain, std::chrono::seconds(30)));
  }
  co_return domain;
}

}  // namespace

int domain_create(const std::string& folder, const std::string& vm_or_file, bool paused) {
  const auto layout = Layout::of(folder);
  if (!layout) return show(layout.error());
  std::string file = std::filesystem::absolute(vm_or_file).string();
  if (vm_or_file.find('/') == std::string::npos) {
    const auto vm = VmName::parse(vm_or_file);
    if (!vm) return show(vm.error());
    file = layout.value().vm_file(vm.value()).string();
  }
  SandboxToolstack toolstack(layout.value());
  const auto domain = run_to_end(create(toolstack, file, paused));
  if (!domain) return show(domain.error());
  std::printf("%u\n", domain.value().value);
  return 0;
}

int domain_command(const std::string& folder, const std::string& command, const std::string& domain) {
  ControlMessage request(command);
  request.set("domain", domain);
  const auto reply = ask(folder, std::move(request));
  return reply ? 0 : show(reply.error());
}

int domain_list(const std::string& folder) {
  const auto layout = Layout::of(folder);
  if (!layout) return show(layout.error());
  SandboxToolstack toolstack(layout.value());
  const auto domains = run_to_end(toolstack.list_domains());
  if (!domains) return show(domains.error());
  std::printf("%-6s %-8s %-36s  %s\n", "domain", "state", "uuid", "name");
  for (const auto& domain : domains.value())
    std::printf("%-6u %-8s %-36s  %s\n", domain.id.value, word_of(domain.state), domain.uuid.text().c_str(), printable(domain.name).c_str());
  return 0;
}

}  // namespace zynclone::sandbox
