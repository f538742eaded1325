// zynclone-agent: the guest's service.

#include <csignal>
#include <cstdio>

#include "guest-agent-core/either.hpp"
#include "guest-agent-linux/agent/adapters.hpp"
#include "guest-agent-linux/agent/options.hpp"
#include "guest-agent-linux/memory.hpp"
#include "guest-agent-linux/service_manager.hpp"
#include "system/log.hpp"

namespace zynclone::agent {
namespace {

asio::awaitable<void> run_agent(Agent& agent, ServiceStatus& service, int& status) {
  const std::function<void()> stop = [&agent, &service] {
    service.stopping();
    agent.stop();
  };
  const std::optional<Result<void>> ended = co_await unless(either(feed_watchdog(), call_when_terminated(stop)), agent.run());
  if (ended && *ended) co_return;
  log_error(ended ? ended->error().message : "the agent ended before it was told to");
  status = 1;
}

int run(const AgentConfiguration& configuration) {
  ::signal(SIGPIPE, SIG_IGN);
  never_wait_for_journal();
  const auto lock = lock_state_folder(configuration.state_dir);
  if (!lock) {
    log_error(lock.error().message);
    return 1;
  }
  asio::io_context context(1);
  Adapters adapters(context.get_executor(), configuration);
  ServiceStatus service;
  const auto tell = [&service](const std::string& status) {
    service.tell(status);
    give_back_code_pages();
  };
  Agent agent(context.get_executor(), adapters.parts(), limits_of(configuration), tell);
  int status = 0;
  log_info("zynclone-agent " ZYNCLONE_VERSION " starts");
  spawn(context.get_executor(), "the agent", run_agent(agent, service, status));
  context.run();
  return status;
}

}  // namespace
}  // namespace zynclone::agent

int main(int count, char** arguments) {
  using namespace zynclone::agent;
  keep_heap_small();
  auto options = parse_options(count, arguments);
  if (!options) {
    std::fprintf(stderr, "zynclone-agent: %s\n", options.error().message.c_str());
    return 2;
  }
  using Action = AgentOptions::Action;
  if (options.value().action == Action::help) return std::fputs(help_text().data(), stdout) < 0;
  if (options.value().action == Action::version) return std::puts("zynclone-agent " ZYNCLONE_VERSION) < 0;
  auto configuration = read_configuration(options.value().file, options.value().file_kind);
  if (!configuration) {
    std::fprintf(stderr, "zynclone-agent: %s: %s\n", configuration.error().place.c_str(), configuration.error().message.c_str());
    return 2;
  }
  return run(configuration.value());
}
