#include "guest-agent-core/forwarding.hpp"

namespace zynclone::agent {
namespace {

template <class M>
constexpr bool is_forwarded = M::direction == protocol::Direction::to_broker && !std::is_void_v<typename M::Result>;

std::optional<OperationId> unfinished(const protocol::OperationView& operation) {
  if (protocol::is_final(operation.state)) return std::nullopt;
  return operation.id;
}

// The operation whose changes the caller of M wants to hear of.
template <class M>
std::optional<OperationId> operation_of(const typename M::Result& result) {
  if constexpr (std::is_same_v<M, protocol::OperationWatch>) return unfinished(result);
  if constexpr (std::is_same_v<typename M::Result, protocol::Accepted>) {
    if (result.operation) return unfinished(*result.operation);
  }
  return std::nullopt;
}

template <class M>
asio::awaitable<Forwarded> forward_as(BrokerSession& session, M method, protocol::Request envelope, std::uint64_t id) {
  Result<typename M::Result> answer = co_await session.call(std::move(method), std::move(envelope));
  Forwarded forwarded;
  if (!answer) {
    forwarded.response = protocol::encode_error(id, answer.error());
  } else {
    forwarded.operation = operation_of<M>(answer.value());
    forwarded.response = protocol::encode_response(id, answer.value());
  }
  co_return forwarded;
}

asio::awaitable<Forwarded> answer_here(std::string response) {
  Forwarded forwarded;
  forwarded.response = std::move(response);
  co_return forwarded;
}

// Unique among all members of a family: a UUID holds no character that a request id may not have.
RequestId new_request_id() {
  auto id = RequestId::parse("agent-" + Uuid::random().text());
  return id ? id.value() : RequestId();
}

}  // namespace

Result<void> check_rights(const LocalCaller& caller, const protocol::Method& method) {
  const bool changes = protocol::effect_of(method) == protocol::Effect::changes || std::holds_alternative<protocol::OperationCancel>(method);
  if (!changes || caller.rights() == Rights::change) return outcome::success();
  return fail(Errc::refused, "cannot ask for '" + std::string(protocol::method_name(method)) + "': " + caller.user + " is not in the group '" +
                                 caller.group + "'; allowed are members of it and root");
}

asio::awaitable<Forwarded> forward(BrokerSession& session, protocol::Request request) {
  if (!request.id) return answer_here(std::string());  // a notification, and there is none that a local caller may send
  const std::uint64_t id = *request.id;
  if (protocol::effect_of(request.method) == protocol::Effect::changes && !request.request_id) request.request_id = new_request_id();
  protocol::Request envelope;
  envelope.request_id = request.request_id;
  envelope.plan = request.plan;
  return std::visit(
      [&](auto& method) -> asio::awaitable<Forwarded> {
        using M = std::remove_cvref_t<decltype(method)>;
        if constexpr (is_forwarded<M>) {
          return forward_as<M>(session, std::move(method), std::move(envelope), id);
        } else {
          return answer_here(protocol::encode_error(
              id, Error{Errc::unknown_method, "cannot call '" + std::string(M::method) + "': the agent does not offer it"}));
        }
      },
      request.method);
}

}  // namespace zynclone::agent
