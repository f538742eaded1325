#include "host-broker/core/operations/lifecycle_steps.hpp"

#include "protocol/words.hpp"

namespace zynclone::broker {
namespace {

using protocol::CloneState;

// Acting again is harmless for all steps here, so after a restart they simply act: the toolstack knows a domain that it built before.
class RepeatableStep : public Step {
 public:
  RepeatableStep(Context context, CloneName clone) : context_(std::move(context)), clone_(std::move(clone)) {}
  asio::awaitable<Result<Presence>> probe() override { co_return Presence::absent; }

 protected:
  asio::awaitable<Result<std::optional<Domain>>> domain() {
    CO_TRY(const Clone* clone, clone_of(context_, clone_));
    const Uuid uuid = clone->uuid;
    co_return co_await domain_of(context_, uuid);
  }

  Context context_;
  CloneName clone_;
};

class PublishStep : public RepeatableStep {
 public:
  PublishStep(Context context, CloneName clone, CloneState state, std::string interfaces)
      : RepeatableStep(std::move(context), std::move(clone)), state_(state), interfaces_(std::move(interfaces)) {
    // What undo goes back to; after a restart the state may have been changed already, then the journal has the one before.
    if (const auto found = clone_of(context_, clone_)) before_ = found.value()->state;
    for (const StepRecord& step : context_.record.steps) {
      if (step.name != name() || step.result.empty()) continue;
      if (const auto state_before = protocol::parse_word<CloneState>(step.result, "state")) before_ = state_before.value();
    }
  }

  std::string name() const override { return "publish " + std::string(protocol::to_string(state_)); }
  std::string plan() const override { return "publish lockdown and wait until it is applied" + (interfaces_.empty() ? "" : ": " + interfaces_); }
  std::string intent() const override { return std::string(protocol::to_string(before_)); }

  asio::awaitable<Result<StepOutcome>> act() override {
    CO_TRY(set(state_));
    CO_TRY(const Family* family, family_of(context_));
    const Family published = *family;
    CO_TRY(const auto domains, co_await context_.ports.network.wait_applied(published, context_.settings.lockdown_timeout));
    std::string names;
    for (const std::string& domain : domains) names += (names.empty() ? "" : ", ") + domain;
    StepOutcome outcome;
    outcome.text = "published lockdown, generation " + std::to_string(published.generation.value) + " (acknowledged by " + names + ')';
    co_return outcome;
  }

  asio::awaitable<Result<void>> undo() override {
    if (!clone_of(context_, clone_)) co_return outcome::success();
    co_return set(before_);
  }

 private:
  Result<void> set(CloneState state) {
    TRY(const Clone* clone, clone_of(context_, clone_));
    if (clone->state == state) return outcome::success();
    TRY(context_.registry.change(context_.record.vm, [&](Family& family) { find_clone(family, clone_)->state = state; }));
    return outcome::success();
  }

  CloneState state_;
  std::string interfaces_;
  CloneState before_ = CloneState::inactive;
};

class BuildPausedStep : public RepeatableStep {
 public:
  BuildPausedStep(Context context, CloneName clone, GuestConfig config)
      : RepeatableStep(std::move(context), std::move(clone)), config_(std::move(config)) {}

  asio::awaitable<Result<void>> undo() override {
    const auto clone = clone_of(context_, clone_);
    if (!clone) co_return outcome::success();
    const Uuid uuid = clone.value()->uuid;
    co_return co_await context_.ports.toolstack.end(uuid);
  }

 protected:
  std::string domain_text() const { return domain_name(context_.record.vm, clone_); }

  // What the toolstack is told of it.
  Result<CloneDomain> description() const {
    TRY(const Family* family, family_of(context_));
    TRY(const Clone* clone, clone_of(context_, clone_));
    CloneDomain domain{.original_file = config_.xl_config, .name = domain_text(), .uuid = clone->uuid};
    for (const CloneDisk& disk : clone->disks) {
      domain.disks.push_back(VmDisk{.device = disk.device, .volume = disk.volume, .writable = disk.writable});
    }
    for (const CloneVif& vif : clone->vifs) {
      domain.vifs.push_back(CloneDomain::Vif{.index = vif.index, .mac = vif.mac, .bridge = bridge_at_start(*family, *clone, vif), .backend = vif.backend,
                                             .interface = vif.interface});
    }
    return domain;
  }

 private:
  GuestConfig config_;
};

class StartPausedStep : public BuildPausedStep {
 public:
  using BuildPausedStep::BuildPausedStep;
  std::string name() const override { return "start paused"; }
  std::string plan() const override { return "start " + domain_text() + " paused"; }

  asio::awaitable<Result<StepOutcome>> act() override {
    CO_TRY(CloneDomain domain, description());
    CO_TRY(co_await context_.ports.toolstack.start_paused(std::move(domain)));
    co_return StepOutcome{};
  }
};

class RestorePausedStep : public BuildPausedStep {
 public:
  using BuildPausedStep::BuildPausedStep;
  std::string name() const override { return "restore paused"; }
  std::string plan() const override { return "restore " + domain_text() + " from the memory, paused"; }

  asio::awaitable<Result<StepOutcome>> act() override {
    CO_TRY(CloneDomain domain, description());
    const std::string file = context_.ports.memories.file_of(context_.record.id.text());
    CO_TRY(co_await context_.ports.toolstack.restore_paused(std::move(domain), file));
    co_return StepOutcome{};
  }
};

class UnpauseStep : public RepeatableStep {
 public:
  using RepeatableStep::RepeatableStep;
  std::string name() const override { return "unpause"; }
  std::string plan() const override { return "let it run once it is locked down"; }

  asio::awaitable<Result<StepOutcome>> act() override {
    CO_TRY(const auto running, co_await domain());
    if (!running) {
      co_return fail(Errc::xen, "cannot unpause '" + domain_name(context_.record.vm, clone_) + "': the domain is gone");
    }
    if (running->state == DomainState::paused) {
      CO_TRY(co_await context_.ports.toolstack.unpause(running->id));
    }
    StepOutcome outcome;
    outcome.text = "started paused, locked down, unpaused";
    co_return outcome;
  }

  asio::awaitable<Result<void>> undo() override { co_return outcome::success(); }  // the domain is ended by the step before
};

class ShutDownStep : public RepeatableStep {
 public:
  ShutDownStep(Context context, CloneName clone, GuestConfig config)
      : RepeatableStep(std::move(context), std::move(clone)), config_(std::move(config)) {}

  std::string name() const override { return "shut down"; }
  std::string plan() const override { return "shut down " + domain_name(context_.record.vm, clone_); }

  asio::awaitable<Result<StepOutcome>> act() override {
    StepOutcome outcome;
    outcome.text = domain_name(context_.record.vm, clone_) + " was not running";
    CO_TRY(const Clone* clone, clone_of(context_, clone_));
    const Uuid uuid = clone->uuid;
    CO_TRY(const auto running, co_await domain());
    if (running) {
      auto ended = co_await context_.ports.toolstack.shut_down(running->id, config_.shutdown_timeout);
      outcome.text = ended ? "shut down " + running->name : "ended " + running->name + " by force (" + ended.error().message + ')';
    }
    CO_TRY(co_await context_.ports.toolstack.end(uuid));  // also one whose guest did not shut down but rebooted
    co_return outcome;
  }

  asio::awaitable<Result<void>> undo() override { co_return outcome::success(); }

 private:
  GuestConfig config_;
};

class EditStep : public Step {
 public:
  EditStep(Context context, std::string name, std::function<void(Family&)> edit, std::function<void(Family&)> revert)
      : context_(std::move(context)), name_(std::move(name)), edit_(std::move(edit)), revert_(std::move(revert)) {}

  std::string name() const override { return name_; }
  std::string plan() const override { return {}; }
  asio::awaitable<Result<Presence>> probe() override { co_return Presence::absent; }
  asio::awaitable<Result<StepOutcome>> act() override {
    CO_TRY(context_.registry.change(context_.record.vm, edit_));
    co_return StepOutcome{};
  }
  asio::awaitable<Result<void>> undo() override {
    CO_TRY(context_.registry.change(context_.record.vm, revert_));
    co_return outcome::success();
  }

 private:
  Context context_;
  std::string name_;
  std::function<void(Family&)> edit_;
  std::function<void(Family&)> revert_;
};

}  // namespace

std::unique_ptr<Step> publish_step(Context context, CloneName clone, CloneState state, std::string interfaces) {
  return std::make_unique<PublishStep>(std::move(context), std::move(clone), state, std::move(interfaces));
}

std::unique_ptr<Step> start_paused_step(Context context, CloneName clone, GuestConfig config) {
  return std::make_unique<StartPausedStep>(std::move(context), std::move(clone), std::move(config));
}

std::unique_ptr<Step> restore_paused_step(Context context, CloneName clone, GuestConfig config) {
  return std::make_unique<RestorePausedStep>(std::move(context), std::move(clone), std::move(config));
}

std::unique_ptr<Step> unpause_step(Context context, CloneName clone) {
  return std::make_unique<UnpauseStep>(std::move(context), std::move(clone));
}

std::unique_ptr<Step> shut_down_step(Context context, CloneName clone, GuestConfig config) {
  return std::make_unique<ShutDownStep>(std::move(context), std::move(clone), std::move(config));
}

std::unique_ptr<Step> edit_step(Context context, std::string name, std::function<void(Family&)> edit,
                                std::function<void(Family&)> revert) {
  return std::make_unique<EditStep>(std::move(context), std::move(name), std::move(edit), std::move(revert));
}

}  // namespace zynclone::broker
