#pragma once
// One local request: may this caller, and what does the broker say? Answers go back as they came, error codes and places included.

#include <string>

#include "guest-agent-core/broker_session.hpp"
#include "guest-agent-core/local_listener.hpp"
#include "protocol/messages.hpp"

namespace zynclone::agent {

// What changes something takes Rights::change; operation.cancel too. Errors: refused.
Result<void> check_rights(const LocalCaller& caller, const protocol::Method& method);

struct Forwarded {
  std::string response;                     // the response's text
  std::optional<OperationId> operation;     // that the request started or watches, if it is not finished yet
};

// Adds a request id where one is needed and the caller gave none. `session` must outlive the call.
asio::awaitable<Forwarded> forward(BrokerSession& session, protocol::Request request);

}  // namespace zynclone::agent
