#pragma once
// Several operations of the broker's for one purpose, one after the other: each is followed to its end and written down, with the time that it
// took, for the report at the end. Nothing here survives vmclone itself: whatever is made along the way must end by itself.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "cli/session.hpp"

namespace zynclone::broker::vmclone {

// One thing that was done, or tried.
struct Stage {
  std::string what;                        // "ran 'upgrade' in pos1"
  std::chrono::milliseconds took{};
  std::optional<OperationId> operation;
  std::optional<Error> error;
};

class Undertaking {
 public:
  Undertaking(cli::Session& session, VmName vm) : session_(session), vm_(std::move(vm)) {}

  cli::Session& session() { return session_; }
  const VmName& vm() const { return vm_; }
  const std::vector<Stage>& stages() const { return stages_; }

  // A line for people on what happens next; nothing with --json.
  void say(const std::string& line);

  // Errors: the operation's, where it did not succeed; cancelled by Ctrl-C.
  template <class M>
  Result<void> perform(std::string what, M method) {
    const auto began = std::chrono::steady_clock::now();
    return note(std::move(what), began, session_.perform(std::move(method), vm_));
  }

  // Until the agent in a clone that was just made has its channel. Errors: unavailable when it does not come.
  Result<void> wait_connected(const CloneName& clone);
  // All health hooks of a member (absent: the original's) must say that it is well, at the latest after `limit`; after a restart of the VM or its
  // agent it is waited for that besides. Errors: conflict with the first that is not well; unavailable.
  Result<void> check_health(std::optional<CloneName> clone, std::chrono::milliseconds limit);
  // Stops it and removes it. What cannot be done is a warning: it says what is left.
  void remove(const CloneName& clone);

  // The member that has production; nothing for the moment of a cutover, or where the broker does not say.
  std::string production();

  // A table of the stages.
  std::string report() const;
  // JSON objects {"what", "took_ms", "operation", "error"}.
  std::vector<std::string> json_stages() const;

 private:
  Result<void> note(std::string what, std::chrono::steady_clock::time_point began, Result<protocol::OperationView> done);
  Result<protocol::GuestHealthReport> ask_health(const std::optional<CloneName>& clone);

  cli::Session& session_;
  VmName vm_;
  std::vector<Stage> stages_;
};

}  // namespace zynclone::broker::vmclone
