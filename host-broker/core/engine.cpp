#include "host-broker/core/engine.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include "host-broker/core/records.hpp"
#include "system/file.hpp"
#include "system/log.hpp"

namespace zynclone::broker {

using protocol::OperationState;
using protocol::StepState;

namespace {

const std::string k_ends_forward = "; it cannot be taken back any more: " + std::string(k_ask_again);

// Why an operation whose error was lost in a crash is undone: what the journal has of its failed step.
Error error_of_steps(const OperationRecord& record) {
  for (const StepRecord& step : record.steps) {
    if (step.state == StepState::failed) return Error{Errc::internal, step.text};
  }
  return record.cancel_requested ? Error{Errc::cancelled, "cancelled"} : Error{Errc::internal, "undone after a restart"};
}

bool failed_before_restart(const OperationRecord& record) {
  return std::any_of(record.steps.begin(), record.steps.end(),
                     [](const StepRecord& step) { return step.state == StepState::failed || step.state == StepState::undone; });
}

// Were the steps in the journal made by a version of this program that did the work in other steps?
bool is_of_another_version(const OperationRecord& record, const Operation& operation) {
  if (record.steps.size() > operation.steps.size()) return true;
  for (std::size_t i = 0; i < record.steps.size(); ++i) {
    if (record.steps[i].name != operation.steps[i]->name()) return true;
  }
  return false;
}

Step* step_named(const Operation& operation, const std::string& name) {
  for (const auto& step : operation.steps) {
    if (step->name() == name) return step.get();
  }
  return nullptr;
}

}  // namespace

void fault_point(std::string_view kind, std::string_view step, std::string_view moment) {
  const char* file = std::getenv("ZYNCLONE_FAULT_FILE");
  if (file == nullptr) return;
  const auto wanted = read_file(file, 256);
  if (!wanted) return;
  const std::string here = std::string(kind) + '/' + std::string(step) + '/' + std::string(moment);
  if (wanted.value() != here && wanted.value() != here + '\n') return;
  (void)remove_file(file);
  std::raise(SIGKILL);
}

Engine::Engine(asio::any_io_executor executor, Ports ports, CoreSettings settings, Maker maker, Changed changed)
    : executor_(std::move(executor)), ports_(ports), settings_(std::move(settings)), maker_(std::move(maker)), changed_(std::move(changed)) {}

void Engine::enqueue(OperationRecord operation) {
  auto task = std::make_shared<Task>();
  if (operation.state == OperationState::running) task->making = Making::taken_up;
  task->record = std::move(operation);
  const QueueKey key = queue_of(task->record);
  auto& queue = queues_[key];
  auto place = queue.end();
  if (!queue.empty() && task->making == Making::fresh && goes_before_guests(task->record)) {
    place = std::find_if(std::next(queue.begin()), queue.end(),
                         [](const auto& other) { return other->making == Making::fresh && !goes_before_guests(other->record); });
  }
  queue.insert(place, std::move(task));
  if (queue.size() == 1) spawn(executor_, "operations of family " + key.first.text(), run_queue(key));
}

Engine::QueueKey Engine::queue_of(const OperationRecord& record) {
  return {record.family, record.kind == protocol::AgentRun::method ? Lane::commands : Lane::clones};
}

const OperationRecord* Engine::find(const OperationId& id) const {
  for (const auto& [key, queue] : queues_) {
    for (const auto& task : queue) {
      if (task->record.id == id) return &task->record;
    }
  }
  return nullptr;
}

std::size_t Engine::unfinished(const Uuid& family) const {
  const auto found = queues_.find({family, Lane::clones});
  return found == queues_.end() ? 0 : found->second.size();
}

bool Engine::is_unfinished(const Uuid& family, std::string_view kind) const {
  const auto is_of_kind = [&](const auto& task) { return task->record.kind.starts_with(kind); };
  for (const Lane lane : {Lane::clones, Lane::commands}) {
    const auto found = queues_.find({family, lane});
    if (found != queues_.end() && std::any_of(found->second.begin(), found->second.end(), is_of_kind)) return true;
  }
  return false;
}

asio::awaitable<Result<void>> Engine::cancel(OperationId id) {
  for (auto& [key, queue] : queues_) {
    for (auto& entry : queue) {
      if (entry->record.id != id) continue;
      const auto task = entry;
      if (task->record.cancel_requested) co_return outcome::success();
      OperationRecord cancelled = task->record;
      cancelled.cancel_requested = true;
      if (!task->committed) {
        CO_TRY(co_await ports_.journal.update(std::move(cancelled)));
      }
      if (task->committed) {
        co_return fail(Errc::conflict, "cannot cancel operation '" + id.text() + "': it has passed its point of no return");
      }
      task->record.cancel_requested = true;
      co_return outcome::success();
    }
  }
  co_return fail(Errc::not_found, "cannot cancel operation '" + id.text() + "': it has ended");
}

asio::awaitable<void> Engine::run_queue(QueueKey key) {
  auto& queue = queues_[key];
  while (!queue.empty()) {
    const auto task = queue.front();
    co_await run(*task);
    queue.pop_front();
  }
  queues_.erase(key);
}

// One that had begun is neither forgotten nor half done because a file cannot be read at the moment: it waits until it can be taken up.
asio::awaitable<Result<Operation>> Engine::make(Task& task) {
  for (Deadline pause = settings_.retry_pause;; pause = std::min(pause * 2, settings_.retry_pause * 30)) {
    auto made = co_await maker_(task.record, task.making);
    if (made || task.making == Making::fresh) {
      task.record.summary.clear();
      co_return made;
    }
    const std::string waits = "cannot be taken up after a restart yet: " + made.error().message;
    if (task.record.summary != waits) {
      log_error("operation " + task.record.id.text() + ' ' + waits);
      task.record.summary = waits;
      changed_(task.record);
    }
    co_await sleep_for(pause);
  }
}

asio::awaitable<void> Engine::run(Task& task) {
  OperationRecord& record = task.record;
  if (record.cancel_requested && record.state == OperationState::queued) {
    record.error = Error{Errc::cancelled, "cancelled before it began"};
    co_await finish(task, OperationState::cancelled);
    co_return;
  }
  auto made = co_await make(task);
  if (!made) {
    record.error = std::move(made).error();
    co_await finish(task, OperationState::failed);
    co_return;
  }
  Operation operation = std::move(made).value();
  if (task.making == Making::fresh) {
    OperationRecord begun = record;
    begun.state = OperationState::running;
    auto journalled = co_await ports_.journal.update(std::move(begun));
    if (!journalled) {
      // Nothing has been done; without a journal nothing may be.
      record.error = std::move(journalled).error();
      co_await finish(task, OperationState::failed);
      co_return;
    }
    record.state = OperationState::running;
  } else if (failed_before_restart(record)) {
    record.undoing = true;
  } else if (is_of_another_version(record, operation)) {
    record.error = Error{Errc::internal, "it was begun by another version of this program"};
    if (record.steps.size() > operation.point_of_no_return) {
      record.error->message += k_ends_forward;
      co_await finish(task, OperationState::failed);
      co_return;
    }
    record.undoing = true;
  }
  changed_(record);
  if (!record.undoing) {
    auto done = co_await run_steps(task, operation);
    if (done) {
      record.percent = 100;
      record.summary = operation.summary();
      co_await finish(task, OperationState::succeeded);
      co_return;
    }
    record.error = std::move(done).error();
    if (task.committed) {
      if (operation.can_be_finished) record.error->message += k_ends_forward;
      co_await finish(task, OperationState::failed);
      co_return;
    }
    record.undoing = true;
    co_await journal_surely(record, {});  // else a restart would go on with what its requester was told has failed
  }
  auto undone = co_await undo_steps(task, operation);
  if (!undone) record.error->message += "; " + std::string(k_not_all_undone) + ": " + undone.error().message;
  if (!record.error) record.error = error_of_steps(record);
  co_await finish(task, record.error->code == Errc::cancelled ? OperationState::cancelled : OperationState::failed);
}

asio::awaitable<Result<void>> Engine::run_steps(Task& task, Operation& operation) {
  for (std::size_t i = 0; i < operation.steps.size(); ++i) {
    // A restart after the point of no return goes forward, whatever was asked meanwhile.
    if (i >= operation.point_of_no_return) task.committed = true;
    if (task.record.cancel_requested && !task.committed) {
      co_return fail(Errc::cancelled, "cancelled before step '" + operation.steps[i]->name() + "'");
    }
    CO_TRY(co_await run_step(task, *operation.steps[i], i));
    const auto percent = static_cast<unsigned>(100 * (i + 1) / (operation.steps.size() + 1));
    task.record.percent = std::max(task.record.percent, percent);  // it never goes back, after a restart either
  }
  co_return outcome::success();
}

asio::awaitable<Result<void>> Engine::run_step(Task& task, Step& step, std::size_t position) {
  auto& steps = task.record.steps;
  const std::string& kind = task.record.kind;
  if (steps.size() <= position) steps.resize(position + 1);
  steps[position].name = step.name();

  if (task.making == Making::taken_up && steps[position].state != StepState::pending) {
    CO_TRY(const auto presence, co_await step.probe());
    if (presence == Presence::present && steps[position].state == StepState::done) {
      step.resume(steps[position]);
      co_return outcome::success();
    }
  }
  if (steps[position].state == StepState::pending) steps[position].result = step.intent();
  steps[position].state = StepState::running;
  steps[position].text = step.plan();
  CO_TRY(co_await journal_step(task, position));
  fault_point(kind, step.name(), "intent");

  // A step that had acted before the crash acts again: it finds its own work and adopts it.
  step.report_to([this, &task, position](unsigned percent) {
    task.record.steps[position].percent = percent;
    changed_(task.record);
  });
  auto acted = co_await step.act();
  steps[position].percent.reset();
  fault_point(kind, step.name(), "acted");
  if (!acted) {
    steps[position].state = StepState::failed;
    steps[position].text = acted.error().message;
    (void)co_await journal_step(task, position);
    co_return outcome::failure(std::move(acted).error());
  }
  steps[position].state = StepState::done;
  steps[position].text = std::move(acted.value().text);
  steps[position].warning = acted.value().warning;
  if (!acted.value().result.empty()) steps[position].result = std::move(acted.value().result);
  CO_TRY(co_await journal_step(task, position));
  fault_point(kind, step.name(), "result");
  co_return outcome::success();
}

asio::awaitable<Result<void>> Engine::undo_steps(Task& task, Operation& operation) {
  auto& steps = task.record.steps;
  std::optional<Error> first_error;
  for (std::size_t i = steps.size(); i-- > 0;) {
    if (steps[i].state == StepState::pending || steps[i].state == StepState::undone) continue;
    fault_point(task.record.kind, steps[i].name, "undo");
    Result<void> undone = fail(Errc::internal, "cannot undo step '" + steps[i].name + "': this version of the program does not know it");
    if (Step* step = step_named(operation, steps[i].name)) undone = co_await step->undo();
    if (!undone) {
      // The others are undone all the same: less is left over.
      steps[i].text = std::string(k_cannot_undo) + undone.error().message;
      if (!first_error) first_error = std::move(undone).error();
      steps[i].state = StepState::failed;
    } else if (steps[i].state != StepState::failed) {
      steps[i].state = StepState::undone;
    }
    (void)co_await journal_step(task, i);
  }
  if (first_error) co_return outcome::failure(std::move(*first_error));
  co_return outcome::success();
}

asio::awaitable<Result<void>> Engine::journal_step(Task& task, std::size_t position) {
  CO_TRY(co_await ports_.journal.update_step(task.record.id, position, task.record.steps[position]));
  changed_(task.record);
  co_return outcome::success();
}

// What the journal takes has happened; until then nobody is told so.
asio::awaitable<void> Engine::journal_surely(OperationRecord record, std::vector<AuditNote> notes) {
  for (bool reported = false;; reported = true) {
    auto written = co_await ports_.journal.update(record, notes);
    if (written || written.error().code == Errc::not_found) co_return;
    if (!reported) log_error("operation " + record.id.text() + " waits until the journal can be written: " + written.error().message);
    co_await sleep_for(settings_.retry_pause);
  }
}

asio::awaitable<void> Engine::finish(Task& task, OperationState state) {
  task.committed = true;  // a cancel that came now would be journalled over its end
  OperationRecord record = task.record;
  record.state = state;
  record.finished = ports_.clock.now();
  const std::string detail = record.error ? record.error->message : record.summary;
  std::vector<AuditNote> notes(1);
  notes[0] = AuditNote{"broker", std::string(protocol::to_string(state)), record.id.text(), detail};
  co_await journal_surely(record, std::move(notes));
  task.record = std::move(record);
  changed_(task.record);
}

}  // namespace zynclone::broker
