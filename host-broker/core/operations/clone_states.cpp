// start, stop, activate, deactivate, rename, protect, unprotect: what changes a clone's state and no volume.
#include "host-broker/core/operations/clone_plan.hpp"
#include "host-broker/core/operations/lifecycle_steps.hpp"
#include "host-broker/core/operations/operations.hpp"

namespace zynclone::broker {
namespace {

using protocol::CloneState;

const std::vector<CloneState> k_inactive = {CloneState::inactive};
const std::vector<CloneState> k_active = {CloneState::active};
const std::vector<CloneState> k_at_rest = {CloneState::inactive, CloneState::active};

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

// The same, and it has no domain: one that somebody started by hand, or whose guest is just rebooting, speaks.
asio::awaitable<Result<void>> check_at_rest(Context context, CloneName name, std::string verb, std::vector<CloneState> allowed) {
  CO_TRY(const Clone* clone, clone_in(context, name, verb, std::move(allowed)));
  const Uuid uuid = clone->uuid;
  CO_TRY(const auto domain, co_await domain_of(context, uuid));
  if (domain && context.making == Making::fresh) {
    co_return fail(Errc::conflict, "cannot " + verb + " clone '" + name.text() + "': its domain " + domain->name + " is there; stop it first");
  }
  co_return outcome::success();
}

Operation with_summary(std::string summary) {
  Operation operation;
  operation.summary = [summary = std::move(summary)] { return summary; };
  return operation;
}

Result<Operation> start(const Context& context, const CloneName& name) {
  TRY(const Clone* clone, clone_in(context, name, "start", k_at_rest));
  TRY(const Family* family, family_of(context));
  TRY(const auto config, context.ports.configuration.guest(context.record.vm));
  const std::string interfaces = interfaces_text(*family, *clone);
  Operation operation = with_summary("clone " + name.text() + " is running: " + interfaces);
  operation.steps.push_back(publish_step(context, name, CloneState::running, interfaces));
  operation.steps.push_back(start_paused_step(context, name, config));
  operation.steps.push_back(unpause_step(context, name));
  return operation;
}

// Point of no return: the shutdown itself, the first step. Whatever state a clone is in: one that has a domain can be stopped.
Result<Operation> stop(const Context& context, const CloneName& name, const std::optional<Domain>& domain) {
  TRY(const Clone* clone, clone_of(context, name));
  if (context.making == Making::fresh) {
    TRY(check_not_working(context, *clone, "stop"));
  }
  if (!domain) {
    TRY(clone_in(context, name, "stop", {CloneState::running}));
  }
  TRY(const auto config, context.ports.configuration.guest(context.record.vm));
  Operation operation = with_summary("clone " + name.text() + " is active: not running, the original stays locked down");
  operation.point_of_no_return = 0;
  operation.steps.push_back(shut_down_step(context, name, config));
  operation.steps.push_back(publish_step(context, name, CloneState::active));
  return operation;
}

Operation activate(const Context& context, const CloneName& name) {
  Operation operation = with_summary("clone " + name.text() + " is active: its configuration is in force");
  operation.steps.push_back(publish_step(context, name, CloneState::active));
  return operation;
}

Operation deactivate(const Context& context, const CloneName& name) {
  Operation operation = with_summary("clone " + name.text() + " is inactive: " + context.record.vm.text() + " is free");
  operation.steps.push_back(publish_step(context, name, CloneState::inactive));
  return operation;
}

Operation protect(const Context& context, const CloneName& name, bool before, bool after) {
  Operation operation = with_summary("clone " + name.text() + (after ? " is protected against removal" : " may be removed"));
  const auto set = [name](bool value) {
    return [name, value](Family& family) {
      if (Clone* clone = find_clone(family, name)) clone->is_protected = value;
    };
  };
  operation.steps.push_back(edit_step(context, after ? "protect" : "unprotect", set(after), set(before)));
  return operation;
}

Operation rename(const Context& context, const CloneName& name, const CloneName& new_name) {
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

asio::awaitable<Result<Operation>> make_clone_start(Context context, protocol::CloneStart call) { co_return start(context, call.name); }

asio::awaitable<Result<Operation>> make_clone_stop(Context context, protocol::CloneStop call) {
  CO_TRY(const Clone* clone, clone_of(context, call.name));
  const Uuid uuid = clone->uuid;
  CO_TRY(const auto domain, co_await domain_of(context, uuid));
  co_return stop(context, call.name, domain);
}

asio::awaitable<Result<Operation>> make_clone_activate(Context context, protocol::CloneActivate call) {
  CO_TRY(co_await check_at_rest(context, call.name, "activate", k_inactive));
  co_return activate(context, call.name);
}

asio::awaitable<Result<Operation>> make_clone_deactivate(Context context, protocol::CloneDeactivate call) {
  CO_TRY(co_await check_at_rest(context, call.name, "deactivate", k_active));
  co_return deactivate(context, call.name);
}

asio::awaitable<Result<Operation>> make_clone_protect(Context context, protocol::CloneProtect call) {
  CO_TRY(const Clone* clone, clone_of(context, call.name));
  co_return protect(context, call.name, clone->is_protected, true);
}

asio::awaitable<Result<Operation>> make_clone_unprotect(Context context, protocol::CloneUnprotect call) {
  CO_TRY(const Clone* clone, clone_of(context, call.name));
  co_return protect(context, call.name, clone->is_protected, false);
}

asio::awaitable<Result<Operation>> make_clone_rename(Context context, protocol::CloneRename call) {
  // After a restart it may have its new name already.
  const bool renamed = context.making == Making::taken_up && clone_of(context, call.new_name) && !clone_of(context, call.name);
  if (!renamed) {
    CO_TRY(co_await check_at_rest(context, call.name, "rename", k_at_rest));
    CO_TRY(co_await check_name_free(context, call.new_name, "rename clone '" + call.name.text() + "'", "/params/new_name"));
  }
  co_return rename(context, call.name, call.new_name);
}

}  // namespace zynclone::broker
