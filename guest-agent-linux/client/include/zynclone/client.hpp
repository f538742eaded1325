#pragma once
// Asks the ZynClone agent of this virtual machine for clones of it, and to move its work to them. Synchronous; every call has a time limit and fails by value.
//
// Threads: one Client is used by one thread at a time; different Clients are independent of each other and cheap, so a program that waits
// for an operation in one thread and cancels it from another uses two.
// Connection: made with the first call, and made again when the agent was restarted; a call that was on its way is sent once more, which
// does nothing twice, because each change carries a request id.

#include <functional>
#include <memory>
#include <optional>

#include <zynclone/types.hpp>

namespace zynclone::client {

struct CreateOptions {
  CloneMode mode = CloneMode::online;
  bool start = true;  // locked down before its first packet; false: only made
  std::string note;   // kept with the clone
  std::optional<std::chrono::seconds> time_to_live = {};  // then it is removed; a minute to ten years. None: it stays
  std::optional<CloneNetwork> network = {};  // where its interfaces are. None: as the host's administrator configured it
};

// What is not said is as the host's administrator configured it.
struct CutoverOptions {
  std::optional<std::chrono::seconds> probation = {};  // how long it can be undone: ten seconds to thirty days
  std::optional<AfterProbation> after_probation = {};
};

// Something to be done. Names are of letters, digits, '.', '_' and '-', at most 63; a member is a clone's name, or the VM's for the original.
class ZYNCLONE_CLIENT_API Change {
 public:
  static Change create(std::string name, CreateOptions options = {});
  static Change start(std::string name);
  static Change stop(std::string name);
  static Change activate(std::string name);
  static Change deactivate(std::string name);
  static Change remove(std::string name);
  static Change rename(std::string name, std::string new_name);
  // A protected clone is removed by nobody, its time to live included.
  static Change protect(std::string name);
  static Change unprotect(std::string name);

  // Moves production to a member, on probation, which commit or undo ends.
  static Change start_cutover(std::string member, CutoverOptions options = {});
  static Change commit_cutover();
  static Change undo_cutover();
  // Moves one shared volume to a member.
  static Change switch_volume(std::string volume, std::string member);

  // The same change under a name of the caller's own for this request. Asked for twice with the same one, also after a crash of the
  // caller, it is done once, and the answer is the same operation. Without it each Client::request is a request of its own.
  Change with_request_id(std::string id) const;

  struct Data;

 private:
  friend class Client;
  explicit Change(std::shared_ptr<const Data> data);
  std::shared_ptr<const Data> data_;
};

class ZYNCLONE_CLIENT_API Client {
 public:
  // `socket`: path of the agent's socket; empty: $ZYNCLONE_SOCKET, or /run/zynclone/agent.sock. Does not connect yet.
  explicit Client(std::string socket = {});
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  // Of each call but `wait`; 30 seconds unless set.
  void set_time_limit(std::chrono::milliseconds limit);

  // All of the following fail with unavailable (no agent, or no broker behind it), refused (this user or VM may not), timed_out, or what the
  // broker says.
  Result<Family> family();
  Result<std::vector<Clone>> clones();
  Result<Clone> clone(const std::string& name);
  Result<Cutover> cutover();  // who has production, and with which probation
  Result<std::vector<Volume>> volumes();
  Result<std::vector<Peripheral>> peripherals();

  // Asks for a change and gives the operation that does it, as accepted; `wait` gives its end.
  Result<Operation> request(const Change& change);
  // What the change would do, and whether it would be allowed. Does nothing.
  Result<Plan> plan(const Change& change);

  Result<Operation> operation(const std::string& id);
  Result<std::vector<Operation>> operations(unsigned limit = 20);  // newest first, at most 100
  Result<Operation> cancel(const std::string& id);

  // Waits until the operation has finished, however it did, at most `limit`; restarts of agent and broker are waited through. `on_change` sees
  // each state and ends the wait by giving false: the result is the operation as it is then. Fails with timed_out at `limit`; the operation
  // goes on. An exception of `on_change` passes through.
  Result<Operation> wait(const std::string& id, std::chrono::milliseconds limit,
                         const std::function<bool(const Operation&)>& on_change = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace zynclone::client
