#include "host-broker/sandbox/store/session.hpp"

#include <algorithm>

#include "host-broker/sandbox/store/engine.hpp"
#include "host-broker/sandbox/store/limits.hpp"
#include "host-broker/sandbox/store/path.hpp"

extern "C" {
#include <xen/io/xs_wire.h>
}

namespace zynclone::sandbox {

StoreSession::StoreSession(StoreEngine& engine, DomainId domain) : engine_(engine), domain_(domain) { engine_.add(*this); }

StoreSession::~StoreSession() { engine_.remove(*this); }

std::string StoreSession::Watch::path_for_client(DomainId domain, const std::string& changed) const {
  const std::size_t home = relative ? home_of(domain).size() + 1 : 0;
  return changed.substr(std::min(home, changed.size()));
}

bool StoreSession::may_ask() const { return is_privileged(domain_) || unread_replies_ < k_most_outstanding_replies; }

std::string StoreSession::take_output() {
  if (output_.empty()) return {};
  Output next = std::move(output_.front());
  output_.pop_front();
  if (next.is_event) {
    unread_event_bytes_ -= next.bytes.size();
    unread_events_.erase(next.bytes);
  } else {
    --unread_replies_;
  }
  return std::move(next.bytes);
}

void StoreSession::send_reply(const StoreMessage& reply) {
  ++unread_replies_;
  output_.push_back({.is_event = false, .bytes = encode(reply)});
  if (output_.size() == 1 && wake_) wake_();
}

// An event is only a hint to look again, so one that is queued already is not queued twice.
void StoreSession::send_event(const std::string& path, const std::string& token) {
  StoreMessage event{.type = XS_WATCH_EVENT, .payload = path};
  event.payload += '\0';
  event.payload += token;
  event.payload += '\0';
  if (event.payload.size() > XENSTORE_PAYLOAD_MAX) return;
  std::string bytes = encode(event);
  if (unread_events_.contains(bytes)) return;
  if (!is_privileged(domain_) && unread_event_bytes_ + bytes.size() > k_most_event_bytes) return;
  unread_event_bytes_ += bytes.size();
  unread_events_.insert(bytes);
  output_.push_back({.is_event = true, .bytes = std::move(bytes)});
  if (output_.size() == 1 && wake_) wake_();
}

}  // namespace zynclone::sandbox
