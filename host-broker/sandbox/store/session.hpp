#pragma once
// One client of the pretended XenStore: which domain it is, its watches and transactions, and what it has not read yet. Made by
// StoreEngine::connect, which it must not outlive; no sockets here.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "host-broker/sandbox/store/tree.hpp"
#include "host-broker/sandbox/store/wire.hpp"

namespace zynclone::sandbox {

class StoreEngine;

class StoreSession {
 public:
  StoreSession(StoreEngine& engine, DomainId domain);
  ~StoreSession();
  StoreSession(const StoreSession&) = delete;
  StoreSession& operator=(const StoreSession&) = delete;

  DomainId domain() const { return domain_; }

  // The next message for the client as bytes, oldest first; empty when there is none.
  std::string take_output();

  // False while the client has so many unread replies that none of its requests is to be read.
  bool may_ask() const;

  // Called when output has come where there was none.
  void on_output(std::function<void()> wake) { wake_ = std::move(wake); }

 private:
  friend class StoreEngine;
  struct Watch {
    std::string path;   // absolute, or special
    std::string token;
    bool relative = false;
    // A changed path in the client's own words: from its home on if it watches a relative path.
    std::string path_for_client(DomainId domain, const std::string& changed) const;
  };

  void send_reply(const StoreMessage& reply);
  void send_event(const std::string& path, const std::string& token);

  StoreEngine& engine_;
  DomainId domain_;
  std::vector<Watch> watches_;
  std::map<std::uint32_t, StoreTransaction> transactions_;
  std::uint32_t next_transaction_ = 1;

  struct Output {
    bool is_event = false;
    std::string bytes;
  };
  std::deque<Output> output_;
  std::size_t unread_replies_ = 0;
  std::size_t unread_event_bytes_ = 0;
  std::unordered_set<std::string> unread_events_;
  std::function<void()> wake_;
};

}  // namespace zynclone::sandbox
