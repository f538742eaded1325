#pragma once
// The broker as its gateway sees it: who is there, and what they ask. Implemented by core::Broker; called by gateway::GuestLinks and
// gateway::AdminSocket, on the broker's one thread.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "host-broker/ports/toolstack.hpp"
#include "protocol/messages.hpp"
#include "system/async.hpp"

namespace zynclone::broker {

enum class AdminRole { viewer, approver, admin };  // each may do what those before it may

// Takes notifications for one connection; what cannot be sent is dropped with the connection.
using Notify = std::function<void(const protocol::OperationView&)>;

// Who asks. Made by the gateway from what the operating system or the hypervisor says, never from what was sent.
struct Caller {
  struct Member {
    Uuid uuid;               // of the VM behind the channel
    Uuid family;
    VmName vm;               // the family's original
    std::string name;        // the member's: a clone's name, or the VM's
    DomainId domain;
  };
  struct Administrator {
    std::string user;
    AdminRole role = AdminRole::viewer;
  };
  std::variant<Member, Administrator> identity;
  std::shared_ptr<Notify> notify;   // lives as long as the connection
};

class RequestHandler {
 public:
  virtual ~RequestHandler() = default;
  // Which family's member a domain is; nullopt for a domain that is in no family (it gets no channel).
  virtual std::optional<Caller::Member> identify(const Domain& domain) = 0;
  // How the agent of this member is reached: "vchan", "mailbox" or "none" (GuestConfig::channel).
  virtual std::string channel_of(const Caller::Member& member) = 0;
  // Its channel is open from now on: what waited for its agent may be done.
  virtual void connected(const Caller::Member&) {}
  // The whole text of the response; empty for a notification.
  virtual asio::awaitable<std::string> handle(Caller caller, protocol::Request request) = 0;
};

}  // namespace zynclone::broker
