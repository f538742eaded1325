// start, stop, activate, deactivate, rename: what changes a clone's state and no volume.
#include "host-broker/core/operations/lifecycle_steps.hpp"
#include "host-broker/core/operations/operations.hpp"

namespace zynclone::broker {
namespace {

using protocol::CloneState;

// The clone, in one of the states that allow what is asked; after a restart whatever its state has become.
Result<const Clone*> clone_in(const Context& context, const CloneName& name, std::string_view verb, std::vector<CloneState> allowed) {
  TRY(const Clone* clone, clone_of(context, name));
  if (context.making == Making::taken_up) return clone;
  std::string states;
  for (const CloneState state : allowed) {
    if (clone->state == state) return clone;
    states += (states.empty() ? "" : " or ") + std::string(protocol::to_string(state));
  }
  return fail(Errc::conflict, "cannot " + std::string(verb) + " clone '" + name.text() + "': it is " +
                                  std::string(protocol::to_string(clone->state)) + ", and must be " + states);
}

Operation with_summary(std::string summary) {
  Operation operation;
  operation.summary = [summary = std::move(summary)] { return summary; };
  return operation;
}

asio::awaitable<Result<Operation>> ready(Result<Operation> operation) { co_return operation; }

Result<Operation> start(const Context& context, const CloneName& name) {
  TRY(const Clone* clone, clone_in(context, name, "start", {CloneState::inactive, CloneState::active}));
  TRY(const auto config, context.ports.configuration.guest(context.record.vm));
  Operation operation = with_summary("clone " + name.text() + " is running: " + interfaces_text(*clone));
  operation.steps.push_back(publish_step(context, name, CloneState::running));
  operation.steps.push_back(start_paused_step(context, name, config));
  operation.steps.push_back(unpause_step(context, name));
  return operation;
}

// Point of no return: the shutdown itself, the first step.
Result<Operation> stop(const Context& context, const CloneName& name) {
  TRY(clone_in(context, name, "stop", {CloneState::running}));
  TRY(const auto config, context.ports.configuration.guest(context.record.vm));
  Operation operation = with_summary("clone " + name.text() + " is active: not running, the original stays locked down");
  operation.point_of_no_return = 0;
  operation.steps.push_back(shut_down_step(context, name, config));
  operation.steps.push_back(publish_step(context, name, CloneState::active));
  return operation;
}

Result<Operation> activate(const Context& context, const CloneName& name) {
  TRY(clone_in(context, name, "activate", {CloneState::inactive}));
  Operation operation = with_summary("clone " + name.text() + " is active: its configuration is in force");
  operation.steps.push_back(publish_step(context, name, CloneState::active));
  return operation;
}

Result<Operation> deactivate(const Context& context, const CloneName& name) {
  TRY(clone_in(context, name, "deactivate", {CloneState::active}));
  Operation operation = with_summary("clone " + name.text() + " is inactive: " + context.record.vm.text() + " is free");
  operation.steps.push_back(publish_step(context, name, CloneState::inactive));
  return operation;
}

Result<Operation> rename(const Context& context, const CloneName& name, const CloneName& new_name) {
  // After a restart it may have its new name already.
  const bool renamed = context.making == Making::taken_up && clone_of(context, new_name) && !clone_of(context, name);
  if (!renamed) {
    TRY(clone_in(context, name, "rename", {CloneState::inactive, CloneState::active}));
    if (clone_of(context, new_name) || new_name.text() == context.record.vm.text()) {
      return fail(Errc::already_exists, "cannot rename clone '" + name.text() + "': '" + new_name.text() + "' is in use", "/params/new_name");
    }
  }
  Operation operation = with_summary("clone " + name.text() + " is now " + new_name.text());
  const auto change = [](Family& family, const CloneName& from, const CloneName& to) {
    if (Clone* clone = find_clone(family, from)) clone->name = to;
  };
  operation.steps.push_back(edit_step(
      context, "rename", [=](Family& family) { change(family, name, new_name); },
      [=](Family& family) { change(family, new_name, name); }));
  return operation;
}

}  // namespace

asio::awaitable<Result<Operation>> make_clone_start(Context context, protocol::CloneStart call) {
  return ready(start(context, call.name));
}

asio::awaitable<Result<Operation>> make_clone_stop(Context context, protocol::CloneStop call) {
  return ready(stop(context, call.name));
}

asio::awaitable<Result<Operation>> make_clone_activate(Context context, protocol::CloneActivate call) {
  return ready(activate(context, call.name));
}

asio::awaitable<Result<Operation>> make_clone_deactivate(Context context, protocol::CloneDeactivate call) {
  return ready(deactivate(context, call.name));
}

asio::awaitable<Result<Operation>> make_clone_rename(Context context, protocol::CloneRename call) {
  return ready(rename(context, call.name, call.new_name));
}

}  // namespace zynclone::broker
