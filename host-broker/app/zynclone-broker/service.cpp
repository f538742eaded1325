#include "host-broker/app/zynclone-broker/service.hpp"

#include <boost/asio/signal_set.hpp>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>

#include "host-broker/core/broker.hpp"
#include "host-broker/gateway/admin_socket.hpp"
#include "system/descriptor_limit.hpp"
#include "system/log.hpp"
#include "system/notify.hpp"

namespace zynclone::broker {
namespace {

constexpr std::chrono::seconds k_reconcile_interval{10};
constexpr std::chrono::seconds k_watchdog_interval{20};  // a third of the unit's WatchdogSec
constexpr std::chrono::hours k_forget_interval{6};

asio::awaitable<void> feed_watchdog() {
  for (;;) {
    (void)notify_service_manager("WATCHDOG=1");
    co_await sleep_for(k_watchdog_interval);
  }
}

asio::awaitable<void> reconcile_now_and_then(Host& host, Broker& broker) {
  for (;;) {
    co_await sleep_for(k_reconcile_interval);
    co_await broker.reconcile();
    host.guests->refresh();  // a VM may have been configured since
  }
}

asio::awaitable<void> forget_old_operations(Host& host) {
  for (;;) {
    auto forgotten = co_await host.journal->forget(host.clock.now() - host.settings.history);
    if (!forgotten) log_warning("cannot forget old operations: " + forgotten.error().message);
    co_await sleep_for(k_forget_interval);
  }
}

asio::awaitable<void> stop_on_signal(asio::io_context& context) {
  asio::signal_set signals(context, SIGTERM, SIGINT);
  co_await signals.async_wait(asio::use_awaitable);
  (void)notify_service_manager("STOPPING=1");
  // Unfinished operations are in the journal and are taken up at the next start.
  context.stop();
}

// Everything that must hold before the first request is taken.
asio::awaitable<void> start(asio::io_context& context, Host& host, Broker& broker, gateway::AdminSocket& socket, int& status) {
  auto started = co_await broker.start();
  if (!started) {
    log_error("cannot start: " + started.error().message);
    status = 1;
    context.stop();
    co_return;
  }
  const auto executor = context.get_executor();
  spawn(executor, "administrators' socket", socket.run());
  spawn(executor, "guests' channels", host.guests->run(broker));
  spawn(executor, "reconciling", reconcile_now_and_then(host, broker));
  spawn(executor, "forgetting", forget_old_operations(host));
  spawn(executor, "watchdog", feed_watchdog());
  (void)notify_service_manager("READY=1");
  log_info("ready");
}

Result<void> make_folders(const configuration::BrokerSettings& settings) {
  for (const auto& [folder, mode] : {std::pair{settings.run_dir, 0755}, std::pair{settings.state_dir, 0700}}) {
    std::error_code failed;
    std::filesystem::create_directories(folder, failed);
    if (failed || chmod(folder.c_str(), static_cast<mode_t>(mode)) != 0) {
      return fail(Errc::system, "cannot make folder '" + folder + "': " + (failed ? failed.message() : std::string(strerror(errno))));
    }
  }
  return outcome::success();
}

Result<int> run(const configuration::BrokerSettings& settings) {
  TRY(raise_descriptor_limit());  // two for each guest: its link's process, and the socket to it
  TRY(make_folders(settings));
  asio::io_context context(1);
  TRY(const auto host, Host::create(context, settings));
  Broker broker(context.get_executor(), host->ports(), host->core_settings());
  broker.add_health_source([&host] { return host->health(); });
  TRY(auto socket, gateway::AdminSocket::create(context.get_executor(), settings.run_dir + "/broker.sock", broker));
  int status = 0;
  spawn(context.get_executor(), "signals", stop_on_signal(context));
  spawn(context.get_executor(), "start", start(context, *host, broker, socket, status));
  context.run();
  return status;
}

}  // namespace

int run_service(const configuration::BrokerSettings& settings) {
  std::signal(SIGPIPE, SIG_IGN);
  const auto status = run(settings);
  if (status) return status.value();
  log_error(status.error().message + (status.error().place.empty() ? "" : " (" + status.error().place + ')'));
  return 1;
}

}  // namespace zynclone::broker
