#pragma once
// Answers to what only reads, and to approvals: one overload a method. A step of Broker::handle.

#include "host-broker/core/broker.hpp"

namespace zynclone::broker {

// The whole response. The request has an id.
asio::awaitable<std::string> answer(Broker& broker, Caller caller, protocol::Request request);

}  // namespace zynclone::broker
