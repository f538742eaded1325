#pragma once
// Runs operations so that no crash leaves one half done: intent journalled before each step's action, result after; on failure or cancel what
// was done is undone in reverse; after a restart, unfinished ones are taken up where the journal left them. Operations of one family run
// one after another, families side by side; commands in guests, which change no clone and may take hours, have a queue of their own beside it. How an operation ends counts once it is journalled: where the journal cannot be written, it
// waits until it can. Owned by the Broker; one thread.

#include <deque>
#include <map>

#include "host-broker/core/ports.hpp"
#include "host-broker/core/step.hpp"

namespace zynclone::broker {

class Engine {
 public:
  // Makes an operation's steps from its record; asked when it begins and again after a restart.
  using Maker = std::function<asio::awaitable<Result<Operation>>(OperationRecord, Making)>;
  // Called after each change that was journalled.
  using Changed = std::function<void(const OperationRecord&)>;

  Engine(asio::any_io_executor executor, Ports ports, CoreSettings settings, Maker maker, Changed changed);

  // Takes an operation that the journal has as queued or running; it runs when those before it in its family have ended. An administrator's
  // goes before those of guests that have not begun, so that no guest can keep the administrator waiting by what it asks for.
  void enqueue(OperationRecord operation);

  // Ends an operation that waits or runs: a waiting one at once, a running one after its current step, by undoing. Errors: not_found; conflict
  // when it has passed its point of no return.
  asio::awaitable<Result<void>> cancel(OperationId id);

  // The operation as it is now, if it waits or runs.
  const OperationRecord* find(const OperationId& id) const;
  // Those that change clones: commands in guests do not count.
  std::size_t unfinished(const Uuid& family) const;
  // Does one wait or run whose kind begins so?
  bool is_unfinished(const Uuid& family, std::string_view kind) const;

 private:
  struct Task {
    OperationRecord record;
    Making making = Making::fresh;
    bool committed = false;   // past its point of no return, or about to end
  };
  enum class Lane { clones, commands };
  using QueueKey = std::pair<Uuid, Lane>;
  static QueueKey queue_of(const OperationRecord& record);

  asio::awaitable<void> run_queue(QueueKey key);
  asio::awaitable<void> run(Task& task);
  asio::awaitable<Result<Operation>> make(Task& task);
  asio::awaitable<Result<void>> run_steps(Task& task, Operation& operation);
  asio::awaitable<Result<void>> run_step(Task& task, Step& step, std::size_t position);
  asio::awaitable<Result<void>> undo_steps(Task& task, Operation& operation);
  asio::awaitable<Result<void>> journal_step(Task& task, std::size_t position);
  asio::awaitable<void> journal_surely(OperationRecord record, std::vector<AuditNote> notes);
  asio::awaitable<void> finish(Task& task, protocol::OperationState state);

  asio::any_io_executor executor_;
  Ports ports_;
  CoreSettings settings_;
  Maker maker_;
  Changed changed_;
  std::map<QueueKey, std::deque<std::shared_ptr<Task>>> queues_;  // the front runs
};

// Where a test stops the broker dead, once, as a power failure would: the file that ZYNCLONE_FAULT_FILE names in its environment holds
// "<kind>/<step>/<intent|acted|result|undo>"; when the broker comes by there, it removes the file and kills itself. Without the variable
// this does nothing.
void fault_point(std::string_view kind, std::string_view step, std::string_view moment);

}  // namespace zynclone::broker
