#include "cli/session.hpp"

#include <poll.h>
#include <unistd.h>

#include "cli/json.hpp"
#include "cli/progress.hpp"
#include "cli/text.hpp"
#include "system/duration.hpp"

namespace zynclone::cli {
namespace {

// Of a wait without --timeout: longer than any approval should take, and than copying any disk.
constexpr std::chrono::hours k_usual_wait{24};
// Of an operation that is one of several: than any command in a guest may run, twice.
constexpr std::chrono::hours k_longest_wait{48};

}  // namespace

Command Session::add_local(const Command& parent, const std::string& name, const std::string& what, Run run) {
  Command command = parent.command(name, what, [this, run = std::move(run)]() -> Result<ExitCode> {
    auto ended = run();
    if (ended || !interrupted()) return ended;
    screen_.write_error(program_.name + ": " + error_text(ended.error()));
    return ExitCode::interrupted;
  });
  command.flag("--json", json_, "answer as JSON");
  return command;
}

Command Session::add(const Command& parent, const std::string& name, const std::string& what, Run run) {
  Command command = add_local(parent, name, what, std::move(run));
  command.filled_option("--timeout", timeout_, "give up after this time: 10s, 5m, 2h (default: 30s; of a wait: 24h)");
  command.option("--socket", program_.service.socket, "socket of " + program_.service.name + " (default: " + program_.service.socket + ")");
  return command;
}

Command Session::add_long(const Command& parent, const std::string& name, const std::string& what, Run run) {
  Command command = add_local(parent, name, what, std::move(run));
  command.option("--socket", program_.service.socket, "socket of " + program_.service.name + " (default: " + program_.service.socket + ")");
  return command;
}

void Session::add_change_options(const Command& command, ChangeOptions& options) {
  command.flag("--wait", options.wait, "wait for the operation's end and show its steps");
  command.flag("--plan", options.plan, "show what would be done, and do nothing");
  command.filled_option("--request-id", options.request_id, "name of this request: repeated with the same one, it is done once");
}

void Session::write_json(std::string_view json) { screen_.write(ascii_json(json) + '\n'); }

void Session::warn(const Error& error) { screen_.write_error(program_.name + ": warning: " + error_text(error)); }

Service& Session::service() {
  if (!service_) service_.emplace(program_.service, program_.wake);
  return *service_;
}

bool Session::interrupted() const {
  return service_ && service_->woken();
}

Result<TimePoint> Session::deadline(std::chrono::milliseconds usual) {
  if (timeout_.empty()) return started_ + usual;
  auto time = parse_duration(timeout_);
  if (!time) return fail(time.error().code, time.error().message, "--timeout");
  if (time.value().count() == 0) return fail(Errc::invalid_argument, "cannot use time '" + printable(timeout_) + "': it leaves no time at all", "--timeout");
  return started_ + time.value();
}

Result<protocol::Request> Session::change_envelope(const ChangeOptions& options, std::optional<VmName> vm) const {
  protocol::Request envelope{.vm = std::move(vm), .plan = options.plan};
  if (options.plan && options.wait) {
    return fail(Errc::invalid_argument, "cannot use --wait with --plan: a plan does nothing that could be waited for", "--wait");
  }
  // One of our own, so that the same request can be sent again when the service is restarted before it answers.
  const std::string text = options.request_id.empty()
                               ? program_.name + "-" + make_operation_id(std::chrono::system_clock::now()).text()
                               : options.request_id;
  auto request_id = RequestId::parse(text);
  if (!request_id) return fail(request_id.error().code, request_id.error().message, "--request-id");
  envelope.request_id = std::move(request_id).value();
  return envelope;
}

// Without an answer nobody knows whether the request was accepted; the same id finds out.
Error Session::unanswered(Error error, const RequestId& request_id) const {
  if (error.code == Errc::timed_out || error.code == Errc::cancelled) {
    error.message += "; the request may have been accepted: repeat it with --request-id " + request_id.text() + " to see";
  }
  return error;
}

Result<protocol::PlanView> Session::plan_of(protocol::Accepted accepted) const {
  if (!accepted.plan) return fail(Errc::malformed, "cannot show the plan: " + program_.service.name + " answered none");
  return std::move(*accepted.plan);
}

bool Session::confirm(std::string_view question) {
  if (::isatty(STDIN_FILENO) == 0) return true;
  screen_.write(question);
  const TimePoint until = std::chrono::steady_clock::now() + k_usual_wait;
  std::string answer;
  for (char letter = 0; letter != '\n';) {
    if (!wait_ready(STDIN_FILENO, POLLIN, until, program_.wake) || ::read(STDIN_FILENO, &letter, 1) != 1) return false;
    answer += letter;
  }
  return answer == "y\n" || answer == "yes\n";
}

Result<ExitCode> Session::show_accepted(const protocol::Accepted& accepted, const ChangeOptions& options) {
  if (options.plan) {
    TRY(const auto plan, plan_of(accepted));
    show(plan, plan_text(plan) + "nothing was done\n");
    const bool possible = plan.decision == "allow" || plan.decision == "ask";
    return possible ? ExitCode::done : ExitCode::refused;
  }
  if (!accepted.operation) return fail(Errc::malformed, "cannot show the operation: " + program_.service.name + " answered none");
  if (options.wait) return follow(accepted.operation->id, Json::last_state);
  show(*accepted.operation, heading_text(*accepted.operation) + " " + std::string(to_string(accepted.operation->state)) + '\n');
  return ExitCode::done;
}

bool Session::pause(std::chrono::milliseconds time) {
  (void)wait_ready(-1, 0, std::chrono::steady_clock::now() + time, program_.wake);
  return !interrupted();
}

Result<protocol::OperationView> Session::watch_to_end(const OperationId& id) {
  TRY(const auto waited, watch(id, std::chrono::steady_clock::now() + k_longest_wait, Json::nothing));
  if (waited.end == Waited::End::stopped) return fail(Errc::cancelled, "interrupted; operation " + id.text() + " goes on");
  if (waited.end == Waited::End::time_limit) return fail(Errc::timed_out, "cannot wait longer for operation " + id.text() + "; it goes on");
  const auto& operation = *waited.operation;
  if (operation.state == protocol::OperationState::succeeded) return operation;
  if (operation.error) return outcome::failure(Error{parse_errc(operation.error->code), operation.error->message, operation.error->place});
  return fail(Errc::refused, "operation " + id.text() + " is " + std::string(to_string(operation.state)));
}

Result<ExitCode> Session::follow(const OperationId& id, Json json) {
  TRY(const auto until, deadline(k_usual_wait));
  TRY(const auto waited, watch(id, until, json));
  return show_end(waited, id);
}

Result<Waited> Session::watch(const OperationId& id, TimePoint until, Json json) {
  Progress progress(screen_);
  WaitOptions options;
  options.on_change = [&](const protocol::OperationView& operation) {
    if (!json_) progress.show(operation);
    if (json_ && json == Json::every_state) write_json(protocol::encode_view(operation));
    return true;
  };
  options.on_trouble = [&](const Error& error) {
    if (!json_) progress.show_trouble(error);
  };
  TRY(auto waited, service().wait(id, until, options));
  if (!json_ && waited.operation) progress.end(*waited.operation);
  if (json_ && json == Json::last_state && waited.operation && waited.end == Waited::End::finished) {
    write_json(protocol::encode_view(*waited.operation, 2));
  }
  return waited;
}

Result<ExitCode> Session::show_end(const Waited& waited, const OperationId& id) {
  const std::string how = "follow it with: " + program_.name + " operation watch " + id.text();
  switch (waited.end) {
    case Waited::End::stopped:
      screen_.write_error(program_.name + ": interrupted; operation " + id.text() + " goes on; " + how);
      return ExitCode::interrupted;
    case Waited::End::time_limit: {
      std::string why = "the time limit passed";
      if (waited.trouble) why += " (" + error_text(*waited.trouble) + ")";
      screen_.write_error(program_.name + ": cannot wait longer for operation " + id.text() + ": " + why + "; it goes on; " + how);
      return ExitCode::time_limit;
    }
    case Waited::End::finished: break;
  }
  const auto& operation = *waited.operation;
  if (operation.state != protocol::OperationState::succeeded) {
    const std::string state(to_string(operation.state));
    screen_.write_error(program_.name + ": " + (operation.error ? error_text(*operation.error) : "operation " + id.text() + " is " + state));
  }
  return exit_code_of(operation);
}

}  // namespace zynclone::cli
