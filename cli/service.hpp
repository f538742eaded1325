#pragma once
// The agent or the broker as its local callers see it: calls that find the service again after it was restarted, and the wait for an
// operation. Shared by zynclone, vmclone and the client library; synchronous, used by one thread.

#include <functional>
#include <optional>
#include <string>

#include "cli/connection.hpp"
#include "protocol/codec.hpp"

namespace zynclone::cli {

// Who is at the other end, for errors, and where.
struct ServiceAddress {
  std::string name;    // "the agent"
  std::string socket;  // path of its Unix socket
};

struct WaitOptions {
  // The operation as it is now, also when nothing changed. False ends the wait.
  std::function<bool(const protocol::OperationView&)> on_change = {};
  // The service is gone for the moment; the wait goes on.
  std::function<void(const Error&)> on_trouble = {};
  // Without news for so long the operation is asked for, in case that a restart behind the service lost our watch.
  std::chrono::milliseconds ask_again{5'000};
};

// How a wait for an operation ended.
struct Waited {
  enum class End { finished, time_limit, stopped };  // stopped: `wake`, or on_change said so
  End end = End::finished;
  std::optional<protocol::OperationView> operation;  // as it was last seen
  std::optional<Error> trouble;                      // why the service could not be asked of late
};

class Service {
 public:
  // `wake` (-1: none): a descriptor that, once readable, ends every wait.
  explicit Service(ServiceAddress address, int wake = -1) : address_(std::move(address)), wake_(wake) {}

  // Sends a call and waits for its answer. When the connection is lost meanwhile it is made again, a few times, and the call sent again:
  // nothing is done twice, because what changes something has a request id. Errors: those of the service; unavailable, refused (this user may
  // not connect), timed_out, malformed, too_large; cancelled by `wake`.
  template <class M>
  Result<typename M::Result> call(M method, TimePoint until, protocol::Request envelope = {}) {
    envelope.method = std::move(method);
    TRY(const auto text, exchange(std::move(envelope), until));
    return protocol::decode_response<M>(text);
  }

  // Follows an operation until it has ended. The service may be restarted meanwhile, as often as it likes: it is asked again until
  // `until`. Errors: what the service says of the operation, such as refused or moved; unavailable when it never was there; malformed, too_large.
  Result<Waited> wait(OperationId id, TimePoint until, const WaitOptions& options);

  // Has `wake` ended what was waited for?
  bool woken() const;

 private:
  enum class Next { ask_again, finished, stopped };

  Result<std::string> exchange(protocol::Request request, TimePoint until);
  Result<std::string> exchange_once(protocol::Request& request, TimePoint until);
  Result<std::string> answer_to(std::uint64_t id, TimePoint until);
  Result<void> connect(TimePoint until);
  Result<std::string> receive(TimePoint until);
  Result<void> take_notification(std::string_view untrusted_text);
  Result<protocol::OperationView> ask(const OperationId& id, TimePoint until);
  Result<Next> ask_and_follow(const OperationId& id, TimePoint until, const WaitOptions& options, Waited& waited);
  Result<Next> follow(protocol::OperationView operation, TimePoint until, const WaitOptions& options, Waited& waited);
  Result<void> pause(std::chrono::milliseconds time, TimePoint until) const;
  Error drop_connection(const Error& error, std::string_view doing);

  ServiceAddress address_;
  int wake_;
  std::optional<Connection> connection_;
  bool reached_ = false;                           // the service was there once
  std::uint64_t next_id_ = 1;
  std::optional<OperationId> followed_;
  std::optional<protocol::OperationView> change_;  // news of the followed operation, not yet looked at
};

}  // namespace zynclone::cli
