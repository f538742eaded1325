#include <boost/asio/signal_set.hpp>

#include <csignal>

#include "host-broker/app/zynclone-sandbox/commands.hpp"
#include "host-broker/app/zynclone-sandbox/run.hpp"
#include "host-broker/sandbox/host.hpp"
#include "system/descriptor_limit.hpp"
#include "system/log.hpp"
#include "system/notify.hpp"

namespace zynclone::sandbox {
namespace {

asio::awaitable<Result<void>> serve_until_stopped(Layout layout) {
  const auto executor = co_await asio::this_coro::executor;
  CO_TRY(auto host, Host::open(executor, std::move(layout)));
  asio::signal_set signals(executor, SIGINT, SIGTERM);
  signals.async_wait([&host](boost::system::error_code error, int) {
    if (!error) host->request_stop();
  });
  if (auto told = notify_service_manager("READY=1"); !told) log_warning(told.error().message);
  log_info("the sandbox serves in " + host->layout().folder().string());
  co_await host->run();
  signals.cancel();
  co_return outcome::success();
}

}  // namespace

int serve(const std::string& folder) {
  // Clients that go away in the middle of an answer are told of by write's error.
  std::signal(SIGPIPE, SIG_IGN);
  if (auto raised = raise_descriptor_limit(); !raised) return show(raised.error());
  auto layout = Layout::of(folder);
  if (!layout) return show(layout.error());
  const auto served = run_to_end(serve_until_stopped(std::move(layout.value())));
  return served ? 0 : show(served.error());
}

}  // namespace zynclone::sandbox
