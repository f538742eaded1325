#pragma once
// One run of zynclone or vmclone: the options that all its commands share, the service it talks to, and how answers are shown. Made
// in main, outlives all commands.

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "cli/command.hpp"
#include "cli/screen.hpp"
#include "cli/service.hpp"
#include "protocol/codec.hpp"

namespace zynclone::cli {

enum class NamesVm { no, yes };  // do commands name a VM, as an administrator's do?

struct Program {
  std::string name;         // zynclone
  ServiceAddress service;   // until --socket says otherwise
  NamesVm names_vm = NamesVm::no;
  int wake = -1;            // Interrupt::descriptor
};

// The options of commands that change something.
struct ChangeOptions {
  std::string request_id;
  bool plan = false;
  bool wait = false;
};

class Session {
 public:
  Session(Program program, Screen& screen) : program_(std::move(program)), screen_(screen) {}

  // A command with the options that all have: --json, --timeout and --socket.
  Command add(const Command& parent, const std::string& name, const std::string& what, Run run);
  // The same without --timeout and --socket, for a command that asks no service.
  Command add_local(const Command& parent, const std::string& name, const std::string& what, Run run);
  // The same without --timeout, for a command of several operations, each of which has limits of its own (`perform`, `ask`).
  Command add_long(const Command& parent, const std::string& name, const std::string& what, Run run);
  // --request-id, --plan and --wait, for a command that changes something.
  void add_change_options(const Command& command, ChangeOptions& options);

  const Program& program() const { return program_; }
  Screen& screen() { return screen_; }
  bool json() const { return json_; }

  // Calls the service within --timeout (default 30s).
  template <class M>
  Result<typename M::Result> call(M method, protocol::Request envelope = {}) {
    TRY(const auto until, deadline(protocol::k_answer_deadline));
    return service().call(std::move(method), until, std::move(envelope));
  }

  // The same as a function of the method alone, for lists that are asked for page by page (cli/pages.hpp).
  auto caller(protocol::Request envelope = {}) {
    return [this, envelope = std::move(envelope)](auto method) { return call(std::move(method), envelope); };
  }

  // Sends what changes something: with --plan shows the plan, with --wait follows the operation, else shows it as it is.
  template <class M>
  Result<ExitCode> change(M method, const ChangeOptions& options, std::optional<VmName> vm = {}) {
    TRY(auto envelope, change_envelope(options, std::move(vm)));
    auto accepted = call(std::move(method), envelope);
    if (!accepted) return outcome::failure(unanswered(std::move(accepted).error(), *envelope.request_id));
    return show_accepted(accepted.value(), options);
  }

  // What a change would do. Errors: as of `change`.
  template <class M>
  Result<protocol::PlanView> plan(M method, std::optional<VmName> vm) {
    TRY(auto envelope, change_envelope({.plan = true}, std::move(vm)));
    TRY(auto accepted, call(std::move(method), std::move(envelope)));
    return plan_of(std::move(accepted));
  }
  // Asks whoever sits at the terminal; "y" and "yes" are yes, Ctrl-C and the end of input are no. Where standard input is no terminal nobody is asked: yes.
  bool confirm(std::string_view question);

  // Asks for a change, follows the operation to its end, whatever the service does meanwhile, and shows its steps (nothing with --json). Errors: the
  // operation's, where it did not succeed; cancelled by Ctrl-C, when it goes on.
  template <class M>
  Result<protocol::OperationView> perform(M method, std::optional<VmName> vm) {
    TRY(auto envelope, change_envelope({}, std::move(vm)));
    TRY(const auto accepted, ask(std::move(method), std::move(envelope)));
    if (!accepted.operation) return fail(Errc::malformed, "cannot follow the operation: " + program_.service.name + " answered none");
    return watch_to_end(accepted.operation->id);
  }
  // One call, whenever in a long command it is made.
  template <class M>
  Result<typename M::Result> ask(M method, protocol::Request envelope = {}) {
    return service().call(std::move(method), std::chrono::steady_clock::now() + protocol::k_answer_deadline, std::move(envelope));
  }
  // False: ended by Ctrl-C.
  bool pause(std::chrono::milliseconds time);
  // Ctrl-C was pressed: nothing can be asked of the service any more.
  bool interrupted() const;

  // Follows an operation to its end and shows it: steps as they happen, or with --json each state as one line (`every_state`) or the last one.
  enum class Json { every_state, last_state, nothing };
  Result<ExitCode> follow(const OperationId& id, Json json);

  // As it is on the wire with --json, else the text.
  template <class V>
  void show(const V& view, const std::string& text) {
    if (json_) write_json(protocol::encode_view(view, 2));
    else screen_.write(text);
  }
  // What could not be had, where the rest is shown all the same.
  void warn(const Error& error);
  // A line, or lines, of JSON (cli/json.hpp). All that --json prints goes through here.
  void write_json(std::string_view json);

 private:
  Service& service();
  Result<Waited> watch(const OperationId& id, TimePoint until, Json json);
  Result<protocol::OperationView> watch_to_end(const OperationId& id);
  Result<TimePoint> deadline(std::chrono::milliseconds usual);
  Result<protocol::Request> change_envelope(const ChangeOptions& options, std::optional<VmName> vm) const;
  Error unanswered(Error error, const RequestId& request_id) const;
  Result<protocol::PlanView> plan_of(protocol::Accepted accepted) const;
  Result<ExitCode> show_accepted(const protocol::Accepted& accepted, const ChangeOptions& options);
  Result<ExitCode> show_end(const Waited& waited, const OperationId& id);

  Program program_;
  Screen& screen_;
  std::optional<Service> service_;
  bool json_ = false;
  std::string timeout_;
  const TimePoint started_ = std::chrono::steady_clock::now();  // --timeout is for all that a command does
};

}  // namespace zynclone::cli
