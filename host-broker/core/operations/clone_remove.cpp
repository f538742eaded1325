// clone.remove: the clone's volumes and its place in the family go; the original is free of it.
#include "host-broker/core/operations/lifecycle_steps.hpp"
#include "host-broker/core/operations/operations.hpp"

namespace zynclone::broker {
namespace {

using protocol::CloneState;

class RemoveVolumeStep : public Step {
 public:
  RemoveVolumeStep(Context context, CloneDisk disk) : context_(std::move(context)), disk_(std::move(disk)) {}

  std::string name() const override { return "remove volume " + disk_.device; }
  std::string plan() const override { return "remove volume " + base_name(disk_.volume.path); }
  asio::awaitable<Result<Presence>> probe() override { co_return Presence::absent; }

  asio::awaitable<Result<StepOutcome>> act() override {
    SnapshotRequest request;
    request.source = disk_.source;
    request.name = disk_.snapshot_name;
    CO_TRY(co_await context_.ports.storage.remove(request));
    StepOutcome outcome;
    outcome.text = "removed volume " + base_name(disk_.volume.path);
    co_return outcome;
  }

  asio::awaitable<Result<void>> undo() override { co_return outcome::success(); }  // never asked: past the point of no return

 private:
  Context context_;
  CloneDisk disk_;
};

class ForgetStep : public Step {
 public:
  ForgetStep(Context context, CloneName clone) : context_(std::move(context)), clone_(std::move(clone)) {}

  std::string name() const override { return "forget"; }
  std::string plan() const override { return "forget " + clone_.text() + " and free its interfaces"; }
  asio::awaitable<Result<Presence>> probe() override { co_return Presence::absent; }

  asio::awaitable<Result<StepOutcome>> act() override {
    if (clone_of(context_, clone_)) {
      CO_TRY(context_.registry.change(context_.record.vm, [this](Family& family) {
        std::erase_if(family.clones, [this](const Clone& clone) { return clone.name == clone_; });
      }));
    }
    CO_TRY(const Family* family, family_of(context_));
    const Family published = *family;
    CO_TRY(co_await context_.ports.network.wait_applied(published, context_.settings.lockdown_timeout));
    StepOutcome outcome;
    outcome.text = "forgot " + clone_.text() + ", generation " + std::to_string(published.generation.value);
    co_return outcome;
  }

  asio::awaitable<Result<void>> undo() override { co_return outcome::success(); }  // never asked: past the point of no return

 private:
  Context context_;
  CloneName clone_;
};

// A volume that it has would be nobody's.
asio::awaitable<Result<void>> check_has_no_volume(Context context, Uuid uuid, CloneName name) {
  CO_TRY(const auto config, context.ports.configuration.guest(context.record.vm));
  for (const SharedVolume& volume : config.shared_volumes) {
    CO_TRY(const Lease lease, co_await context.ports.leases.find_lease(volume_of(context.record.family, volume.name)));
    if (lease.holder == uuid) {
      co_return fail(Errc::conflict, "cannot remove clone '" + name.text() + "': it has volume '" + volume.name.text() + "'; switch that to another member first");
    }
  }
  co_return outcome::success();
}

}  // namespace

asio::awaitable<Result<Operation>> make_clone_remove(Context context, protocol::CloneRemove call) {
  Operation operation;
  operation.summary = [name = call.name.text()] { return "clone " + name + " is removed"; };

  const auto found = clone_of(context, call.name);
  if (context.making == Making::taken_up && !found) {
    // It was forgotten before the restart; only the acknowledgement is missing. Its steps' positions stay as they were.
    const std::size_t before = context.record.steps.empty() ? 0 : context.record.steps.size() - 1;
    for (std::size_t i = 0; i < before; ++i) {
      operation.steps.push_back(edit_step(context, context.record.steps[i].name, [](Family&) {}, [](Family&) {}));
    }
    operation.point_of_no_return = 0;
    operation.steps.push_back(std::make_unique<ForgetStep>(context, call.name));
    co_return operation;
  }
  CO_TRY(const Clone* clone, found);
  if (context.making == Making::fresh && clone->state == CloneState::running) {
    co_return fail(Errc::conflict, "cannot remove clone '" + call.name.text() + "': it is running; stop it first");
  }
  if (context.making == Making::fresh) {
    CO_TRY(check_not_working(context, *clone, "remove"));
    if (clone->is_protected) {
      co_return fail(Errc::conflict, "cannot remove clone '" + call.name.text() + "': it is protected; unprotect it first");
    }
    const Uuid holder = clone->uuid;
    CO_TRY(co_await check_has_no_volume(context, holder, call.name));
    CO_TRY(clone, clone_of(context, call.name));
  }
  // Started by hand with its volumes, behind the broker's back: pulling them away would ruin it.
  const Uuid uuid = clone->uuid;
  CO_TRY(const auto domain, co_await domain_of(context, uuid));
  CO_TRY(clone, clone_of(context, call.name));
  if (domain) {
    co_return fail(Errc::conflict, "cannot remove clone '" + call.name.text() + "': its domain " + domain->name + " is there; stop it first");
  }

  // Point of no return: the first volume's removal.
  operation.point_of_no_return = 1;
  operation.steps.push_back(publish_step(context, call.name, CloneState::removing));
  for (const CloneDisk& disk : clone->disks) {
    // A disk that the clone only reads is its original's.
    if (!disk.snapshot_name.empty()) operation.steps.push_back(std::make_unique<RemoveVolumeStep>(context, disk));
  }
  operation.steps.push_back(std::make_unique<ForgetStep>(context, call.name));
  co_return operation;
}

}  // namespace zynclone::broker
