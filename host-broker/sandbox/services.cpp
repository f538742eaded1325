#include "host-broker/sandbox/services.hpp"

#include <algorithm>
#include <csignal>

#include "host-broker/sandbox/programs.hpp"
#include "host-broker/sandbox/session_processes.hpp"
#include "system/file.hpp"
#include "system/log.hpp"

namespace zynclone::sandbox {
namespace {

constexpr std::chrono::seconds k_start_limit{30};
constexpr std::chrono::seconds k_stop_limit{10};
constexpr std::size_t k_largest_log = 16 << 20;
constexpr std::size_t k_told_of_log = 600;

std::string end_of_log(const std::filesystem::path& file) {
  auto text = read_file(file, k_largest_log);
  if (!text) return {};
  std::string_view rest = text.value();
  while (rest.ends_with('\n')) rest.remove_suffix(1);
  if (rest.size() > k_told_of_log) rest.remove_prefix(rest.size() - k_told_of_log);
  std::string end(rest);
  std::replace(end.begin(), end.end(), '\n', ';');
  return printable(end);
}

asio::awaitable<Result<void>> ended(std::set<pid_t> sessions) {
  co_await wait_for_end_of(std::move(sessions));
  co_return outcome::success();
}

}  // namespace

Result<std::shared_ptr<Services::Service>> Services::make(const std::string& name, std::vector<std::string> arguments,
                                                          std::map<std::string, std::string> environment) const {
  TRY(arguments.front(), find_program(arguments.front()));
  auto service = std::make_shared<Service>();
  TRY(service->readiness, NotifySocket::open(executor_, (layout_.run() / (name + ".notify")).string()));
  environment.merge(base_environment());
  environment["XENSTORED_PATH"] = layout_.store_socket({0}).string();
  environment["NOTIFY_SOCKET"] = service->readiness->path();
  service->program = std::make_unique<SupervisedProgram>(
      executor_, name,
      ChildSpec{.arguments = std::move(arguments), .environment = std::move(environment), .log_file = log_of(name).string()});
  service->program->on_end([this, name, readiness = service->readiness.get()](int status) {
    readiness->reset("it ended with status " + std::to_string(status) + ": " + end_of_log(log_of(name)));
  });
  return service;
}

asio::awaitable<Result<void>> Services::start(std::string name, std::vector<std::string> arguments,
                                              std::map<std::string, std::string> environment) {
  CO_TRY(parse_checked_name(name, "service name", 63));
  if (services_.contains(name)) co_return fail(Errc::conflict, "cannot start '" + name + "': it runs already");
  if (arguments.empty() && commands_.contains(name)) arguments = commands_.at(name);
  if (arguments.empty())
    co_return fail(Errc::not_found, "cannot start '" + name + "': no such service has run here, and no command is given after '--'");
  auto made = make(name, arguments, std::move(environment));
  if (!made) co_return with_context(made.error(), "cannot start '" + name + "'");
  const auto service = made.value();
  services_[name] = service;
  order_.push_back(name);
  Result<void> ready = service->program->start();
  if (ready) ready = co_await with_timeout(service->readiness->wait_ready(), k_start_limit, "its start");
  if (ready) {
    commands_[name] = std::move(arguments);
    co_return ready;
  }
  auto error = with_context(ready.error(), "cannot start '" + name + "'");
  if (error.code == Errc::timed_out) error.message += ": " + end_of_log(log_of(name));
  co_await stop(name);
  co_return error;
}

asio::awaitable<Result<void>> Services::stop(std::string name) {
  const auto found = services_.find(name);
  if (found == services_.end()) co_return fail(Errc::not_found, "cannot stop '" + printable(name) + "': no such service");
  const auto service = found->second;
  service->program->retire();
  const auto sessions = service->program->sessions();
  signal_sessions(sessions, SIGTERM);
  const auto in_time = co_await with_timeout(ended(sessions), k_stop_limit, name);
  if (!in_time) {
    log_warning(name + " did not end when it was asked to, and is killed");
    signal_sessions(sessions, SIGKILL);
    co_await wait_for_end_of(sessions);
  }
  services_.erase(name);
  std::erase(order_, name);
  co_return outcome::success();
}

// The last one first: what was started earlier is what later ones use.
asio::awaitable<void> Services::stop_all() {
  while (!order_.empty()) {
    const std::string name = order_.back();
    const auto stopped = co_await stop(name);
    if (!stopped) std::erase(order_, name);
  }
}

std::vector<ServiceState> Services::list() const {
  std::vector<ServiceState> states;
  for (const std::string& name : order_) {
    const auto& service = *services_.at(name);
    states.push_back({name, service.program->pid(), service.readiness->is_ready(), service.program->restarts()});
  }
  return states;
}

}  // namespace zynclone::sandbox
