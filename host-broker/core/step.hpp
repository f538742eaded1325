#pragma once
// What an operation is made of. A step can be asked what is true now (probe), do its work (act) and take it back (undo); each may be
// called again after a crash, finds by names that derive from the operation's id what it did before, and adopts it.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "host-broker/ports/journal.hpp"
#include "system/async.hpp"

namespace zynclone::broker {

struct StepOutcome {
  std::string text;    // for people; empty: not worth a line
  std::string result;  // what the step or a later one must know after a restart
  bool warning = false;  // done, but not as well as it should be
};

enum class Presence { absent, present };

class Step {
 public:
  // How far `act` has come, in percent.
  using Progress = std::function<void(unsigned)>;

  virtual ~Step() = default;
  virtual std::string name() const = 0;   // stable: it is journalled
  virtual std::string plan() const = 0;   // what it would do, for people; empty: not worth a line
  // Is the effect of `act` there? Asked only when the operation is taken up again after a restart.
  virtual asio::awaitable<Result<Presence>> probe() = 0;
  virtual asio::awaitable<Result<StepOutcome>> act() = 0;
  // Before `act`: whom a step tells that has something to measure. On the broker's thread.
  virtual void report_to(Progress) {}
  // What undo must know of the time before `act`; journalled with the intent, as the step's result until there is one.
  virtual std::string intent() const { return {}; }
  // Takes back what act did, in part or whole; what is not there is no error.
  virtual asio::awaitable<Result<void>> undo() = 0;
  // After a restart, instead of act, where the probe found the effect: the journalled result, if it got so far.
  virtual void resume(const StepRecord&) {}
};

// Fresh: preconditions are checked. Taken up: it had begun before a restart, so what it made itself is there already.
enum class Making { fresh, taken_up };

// The work of one request, made anew from its record after a restart.
struct Operation {
  std::vector<std::unique_ptr<Step>> steps;
  // Steps before this one can be taken back, by failure or by cancel; once it has begun, the operation goes only forward.
  std::size_t point_of_no_return = static_cast<std::size_t>(-1);
  // After a failure beyond that point: would asking for it again do the rest?
  bool can_be_finished = true;
  // One sentence when all is done.
  std::function<std::string()> summary;
};

}  // namespace zynclone::broker
