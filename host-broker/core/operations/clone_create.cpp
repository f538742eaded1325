// clone.create: record, quiesce, snapshot, thaw, and (unless asked not to) lock down and start. Live: record, lock down, copy memory and disks, restore,
// identity. It can be taken back to its end: no point of no return, because nothing of the original is given up.
#include "host-broker/core/operations/clone_plan.hpp"
#include "host-broker/core/operations/lifecycle_steps.hpp"
#include "host-broker/core/operations/live_steps.hpp"
#include "host-broker/core/operations/operations.hpp"
#include "host-broker/core/operations/snapshot_steps.hpp"

namespace zynclone::broker {
namespace {

using protocol::CloneMode;
using protocol::CloneState;

// The clone gets its place in the family: from here on it can be found, by the administrator and after a crash.
std::unique_ptr<Step> record_step(const Context& context, const ClonePlan& plan) {
  const auto enter = [clone = plan.clone, original = plan.original](Family& family) {
    if (find_clone(family, clone.name) == nullptr) family.clones.push_back(clone);
    // The original's interfaces as its configuration has them now: they are locked down by the clone's masks.
    family.vifs.clear();
    for (const VmVif& vif : original.vifs) {
      family.vifs.push_back(CloneVif{.index = vif.index, .mac = vif.mac, .bridge = vif.bridge, .backend = vif.backend, .interface = vif.interface});
    }
  };
  const auto leave = [id = plan.clone.made_by](Family& family) {
    std::erase_if(family.clones, [&](const Clone& clone) { return clone.made_by == id; });
  };
  return edit_step(context, "record", enter, leave);
}

// What the clone's may do once it is there.
Result<std::string> planned_interfaces(const Context& context, const ClonePlan& plan) {
  TRY(const Family* now, family_of(context));
  Family family = *now;
  if (find_clone(family, plan.clone.name) == nullptr) family.clones.push_back(plan.clone);
  return interfaces_text(family, plan.clone);
}

std::string summary_of(const Context& context, const CloneName& name) {
  const auto family = family_of(context);
  const auto clone = clone_of(context, name);
  if (!clone) return "clone " + name.text() + " was created, and is gone";
  const Clone& made = *clone.value();
  const std::string text = "clone " + name.text() + " is " + std::string(protocol::to_string(made.state)) + ": " + interfaces_text(*family.value(), made);
  switch (made.consistency) {
    case protocol::Consistency::live: return text + ", memory and disks as of one instant";
    case protocol::Consistency::offline: return text + ", disks as they were when it was shut down";
    default: return text + ", disks " + std::string(protocol::to_string(made.consistency)) + "-consistent";
  }
}

}  // namespace

asio::awaitable<Result<Operation>> make_clone_create(Context context, protocol::CloneCreate call) {
  CO_TRY(const ClonePlan plan, co_await plan_clone(context, call));
  const CloneName name = call.name;
  CO_TRY(const std::string interfaces, planned_interfaces(context, plan));
  Operation operation;
  operation.summary = [context, name] { return summary_of(context, name); };

  operation.steps.push_back(record_step(context, plan));
  if (call.mode == CloneMode::live) {
    // Locked down before anything is copied: where that fails, the original has not stood still for nothing.
    operation.steps.push_back(publish_step(context, name, CloneState::running, interfaces));
    operation.steps.push_back(copy_step(context, plan));
    operation.steps.push_back(restore_paused_step(context, name, plan.config));
    operation.steps.push_back(remove_image_step(context));
    operation.steps.push_back(unpause_step(context, name));
    operation.steps.push_back(identity_step(context, name));
    co_return operation;
  }
  if (call.mode == CloneMode::online) operation.steps.push_back(quiesce_step(context, plan));
  for (const CloneDisk& disk : plan.clone.disks) {
    if (!disk.snapshot_name.empty()) operation.steps.push_back(snapshot_step(context, plan, disk));
  }
  if (call.mode == CloneMode::online) operation.steps.push_back(thaw_step(context, plan));
  if (call.start) {
    operation.steps.push_back(publish_step(context, name, CloneState::running, interfaces));
    operation.steps.push_back(start_paused_step(context, name, plan.config));
    operation.steps.push_back(unpause_step(context, name));
  } else {
    const auto set = [name](CloneState state) {
      return [name, state](Family& family) {
        if (Clone* clone = find_clone(family, name)) clone->state = state;
      };
    };
    operation.steps.push_back(edit_step(context, "keep", set(CloneState::inactive), set(CloneState::creating)));
  }
  co_return operation;
}

}  // namespace zynclone::broker
