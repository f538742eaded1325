#include "host-broker/app/zynclone-save/save_notice.hpp"

extern "C" {
#include <xenstore.h>
}

#include <poll.h>

#include <cstdlib>

namespace zynclone::broker {
namespace {

bool is_there(xs_handle* store, const std::string& path) {
  unsigned length = 0;
  void* value = xs_read(store, XBT_NULL, path.c_str(), &length);
  std::free(value);
  return value != nullptr;
}

}  // namespace

SaveNotice::SaveNotice(std::uint32_t domain, std::chrono::milliseconds longest) : store_(xs_open(0)) {
  const std::string home = "/local/domain/" + std::to_string(domain);
  node_ = home + "/control/zynclone-save";
  // Below `control`, which libxl makes for each domain; it belongs to this domain, and the guest may read it.
  if (store_ != nullptr && xs_write(store_, XBT_NULL, node_.c_str(), "1", 1)) wait_for_agent(home + "/data/zynclone/broker/event-channel", longest);
}

SaveNotice::~SaveNotice() {
  if (store_ == nullptr) return;
  xs_rm(store_, XBT_NULL, node_.c_str());
  xs_close(store_);
}

void SaveNotice::wait_for_agent(const std::string& advertisement, std::chrono::milliseconds longest) {
  using Clock = std::chrono::steady_clock;
  if (!xs_watch(store_, advertisement.c_str(), "advertisement")) return;
  const auto until = Clock::now() + longest;
  while (is_there(store_, advertisement)) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
    pollfd events{.fd = xs_fileno(store_), .events = POLLIN, .revents = 0};
    if (left.count() <= 0 || ::poll(&events, 1, static_cast<int>(left.count())) <= 0) break;
    std::free(xs_check_watch(store_));
  }
  xs_unwatch(store_, advertisement.c_str(), "advertisement");
}

}  // namespace zynclone::broker
