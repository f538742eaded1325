// The watcher on the volume's backend: notes, at each change below dom0's backends, which domains have one that serves the volume.
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "host-broker/xen/store/xenstore.hpp"
#include "system/async.hpp"
#include "tests/e2e/till/till.hpp"

namespace zynclone::till {
namespace {

const std::string k_backends = "/local/domain/0/backend";

bool serves(const std::string& params, const std::string& volume) {
  const std::string path = params.substr(params.rfind(':') + 1);  // "aio:/path", "/dev/vg0/x"
  std::error_code error;
  return path == volume || (!path.empty() && std::filesystem::equivalent(path, volume, error));
}

Result<std::string> domains_with(xenstore::Store& store, const std::string& volume) {
  std::string found;
  for (const std::string kind : {"vbd", "qdisk"}) {
    TRY(const auto domains, store.directory(k_backends + '/' + kind));
    for (const std::string& domain : domains) {
      TRY(const auto devices, store.directory(k_backends + '/' + kind + '/' + domain));
      for (const std::string& device : devices) {
        TRY(const auto params, store.read(k_backends + '/' + kind + '/' + domain + '/' + device + "/params"));
        if (params && serves(*params, volume)) found += ' ' + domain;
      }
    }
  }
  return found;
}

// Until the store is gone.
asio::awaitable<void> note_changes(xenstore::Store& store, std::string volume, std::FILE* log) {
  std::string last = "nothing noted yet";
  for (;;) {
    const auto now = domains_with(store, volume);
    if (now && now.value() != last) {
      last = now.value();
      std::fprintf(log, "%llu%s\n", static_cast<unsigned long long>(milliseconds_now()), last.c_str());
      std::fflush(log);
    }
    if (!co_await store.next_event()) co_return;
  }
}

}  // namespace

Result<void> watch(const Options& options) {
  TRY(const std::string volume, option(options, "volume"));
  TRY(const std::string log_path, option(options, "log"));
  asio::io_context context(1);
  TRY(auto store, xenstore::Store::open(context.get_executor()));
  TRY(store.watch(k_backends, "till"));
  std::FILE* log = std::fopen(log_path.c_str(), "we");
  if (log == nullptr) return fail(Errc::system, "cannot write '" + log_path + "': " + std::strerror(errno));
  spawn(context.get_executor(), "the watch", note_changes(store, volume, log));
  while (!was_stopped() && !context.stopped()) context.run_one_for(std::chrono::milliseconds(200));
  std::fclose(log);
  return outcome::success();
}

}  // namespace zynclone::till
