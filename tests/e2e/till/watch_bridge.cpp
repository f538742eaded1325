// The watcher on the sandbox's bridge: notes, at each change of the filter, which tills may speak at the shop's address.
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "system/async.hpp"
#include "tests/e2e/till/sandbox_network.hpp"
#include "tests/e2e/till/till.hpp"

namespace zynclone::till {

Result<void> watch_bridge(const Options& options) {
  TRY(const std::string folder, option(options, "sandbox"));
  TRY(const std::string log_path, option(options, "log"));
  asio::io_context context(1);
  TRY(auto store, xenstore::Store::open(context.get_executor()));
  SandboxNetwork network(folder, store);
  const std::string run = folder + "/run";
  const Descriptor changes(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!changes || ::inotify_add_watch(changes.get(), run.c_str(), IN_MOVED_TO | IN_CLOSE_WRITE) < 0) {
    return fail(Errc::system, "cannot watch '" + run + "': " + std::strerror(errno));
  }
  std::FILE* log = std::fopen(log_path.c_str(), "we");
  if (log == nullptr) return fail(Errc::system, "cannot write '" + log_path + "': " + std::strerror(errno));
  std::string last = "nothing noted yet";
  while (!was_stopped()) {
    std::string tills;
    for (const auto& till : network.tills()) tills += ' ' + till.domain;
    if (tills != last) {
      std::fprintf(log, "%llu%s\n", static_cast<unsigned long long>(milliseconds_now()), tills.c_str());
      std::fflush(log);
      last = tills;
    }
    constexpr int k_look_again = 100;  // ms: a till that starts or ends changes no filter
    pollfd changed{changes.get(), POLLIN, 0};
    (void)::poll(&changed, 1, k_look_again);
    char events[4096];
    while (::read(changes.get(), events, sizeof events) > 0) continue;
  }
  std::fclose(log);
  return outcome::success();
}

}  // namespace zynclone::till
