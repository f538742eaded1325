// The watcher on the volume's backend: notes, at each change below dom0's backends, which domains have one that serves the volume.
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <set>
#include <sstream>
#include <vector>

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

// Of each event as little is asked as shows whether it counts: who watches must not slow down what is measured.
class Backends {
 public:
  Backends(xenstore::Store& store, std::string volume) : store_(store), volume_(std::move(volume)) {}

  Result<void> look_at_all() {
    serving_.clear();
    for (const std::string kind : {"vbd", "qdisk"}) {
      TRY(const auto domains, store_.directory(k_backends + '/' + kind));
      for (const std::string& domain : domains) {
        TRY(const auto devices, store_.directory(k_backends + '/' + kind + '/' + domain));
        for (const std::string& device : devices) {
          TRY(look_at(kind + '/' + domain + '/' + device));
        }
      }
    }
    return outcome::success();
  }

  // A device has its parameters for as long as it is there.
  Result<void> look_after(const std::string& changed) {
    const std::string path = changed.size() > k_backends.size() ? changed.substr(k_backends.size() + 1) : std::string();
    std::vector<std::string> parts;
    std::istringstream names(path);
    for (std::string name; std::getline(names, name, '/');) parts.push_back(name);
    if (parts.size() < 3) return look_at_all();
    if (parts.size() > 3 && parts[3] != "params") return outcome::success();
    return look_at(parts[0] + '/' + parts[1] + '/' + parts[2]);
  }

  std::string domains() const {
    std::string all;
    for (const std::string& device : serving_) all += ' ' + device.substr(device.find('/') + 1, device.rfind('/') - device.find('/') - 1);
    return all;
  }

 private:
  Result<void> look_at(const std::string& device) {
    TRY(const auto params, store_.read(k_backends + '/' + device + "/params"));
    if (params && serves(*params, volume_)) serving_.insert(device);
    else serving_.erase(device);
    return outcome::success();
  }

  xenstore::Store& store_;
  std::string volume_;
  std::set<std::string> serving_;  // "vbd/3/51712"
};

// Until the store is gone.
asio::awaitable<void> note_changes(xenstore::Store& store, std::string volume, std::FILE* log) {
  Backends backends(store, std::move(volume));
  Result<void> looked = backends.look_at_all();
  std::string last = "nothing noted yet";
  for (;;) {
    if (looked && backends.domains() != last) {
      last = backends.domains();
      std::fprintf(log, "%llu%s\n", static_cast<unsigned long long>(milliseconds_now()), last.c_str());
      std::fflush(log);
    }
    const auto event = co_await store.next_event();
    if (!event) co_return;
    looked = looked ? backends.look_after(event.value().path) : backends.look_at_all();
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
