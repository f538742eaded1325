#include "host-broker/core/operations/volume_steps.hpp"

#include <algorithm>
#include <charconv>

namespace zynclone::broker {
namespace {

constexpr std::chrono::seconds k_detach_limit{15};   // for the backend to go, once the guest has let go of it

const std::string k_release = "release ";   // and the volume: the step's name
const std::string k_acquire = "acquire ";
const std::string k_domain = "domain ";     // and its number: result of the step

VmDisk disk_of(const SharedVolume& volume) { return VmDisk{.device = volume.device, .volume = volume.volume}; }

class VolumeStep : public MemberStep {
 public:
  VolumeStep(Context context, Move move, SharedVolume volume, Uuid member)
      : MemberStep(std::move(context), std::move(member)), move_(std::move(move)), volume_(std::move(volume)) {}

 protected:
  enum class IfSilent { fail, accept };

  const std::string& volume() const { return volume_.name.text(); }
  asio::awaitable<Result<Holding>> holding() { return holding_of(context_, volume_of(context_.record.family, volume_.name)); }
  asio::awaitable<Result<Lease>> pass(std::uint64_t token, std::optional<Uuid> to) {
    return context_.ports.leases.pass_lease(volume_of(context_.record.family, volume_.name), token, std::move(to));
  }

  asio::awaitable<Result<Presence>> probe_taken() {
    CO_TRY(const Holding now, co_await holding());
    co_return now.member == member_ ? Presence::absent : Presence::present;
  }

  // Nobody's backend serves it, or only that of this domain. Errors: conflict.
  asio::awaitable<Result<void>> check_backends(std::optional<DomainId> allowed) {
    CO_TRY(const auto attachments, co_await context_.ports.devices.attachments_of(volume_.volume));
    co_return check(attachments, allowed);
  }

  Result<void> check(const std::vector<Attachment>& attachments, std::optional<DomainId> allowed) const {
    for (const Attachment& other : attachments) {
      if (allowed && other.domain == *allowed && other.device == volume_.device) continue;
      return fail(Errc::conflict, "cannot move volume '" + volume() + "': domain " + std::to_string(other.domain.value) + " has it as " + other.device +
                                      "; detach it there first");
    }
    return outcome::success();
  }

  // From the member, whatever it takes. Gives what was at risk; empty: nothing.
  asio::awaitable<Result<std::string>> take_away() {
    CO_TRY(const Released released, co_await ask(IfRefused::force));
    co_return co_await take(released);
  }

  asio::awaitable<Result<Released>> ask(IfRefused if_refused) {
    CO_TRY(const Holding now, co_await holding());
    CO_TRY(const auto domain, co_await domain_of(context_, member_));
    Released released;
    if (domain) {
      released.asked = domain->id;
      CO_TRY(released.risk, co_await ask_to_release(now.lease.token, if_refused));
    }
    co_return released;
  }

  asio::awaitable<Result<std::string>> take(Released released) {
    std::string risk = std::move(released.risk);
    CO_TRY(const Holding now, co_await holding());
    CO_TRY(const auto domain, co_await domain_of(context_, member_));
    if (domain) {
      // A guest that has rebooted meanwhile has come back with it (take_what_came_back), and nobody asked its agent.
      if (released.asked != domain->id && risk.empty()) risk = "by force, as its guest rebooted: what " + member() + " had not written is lost";
      CO_TRY(const std::string more, co_await detach(*domain, risk.empty() ? Detach::ask : Detach::force));
      if (!more.empty()) risk = more;
    }
    CO_TRY(co_await wait_for_backends(std::nullopt, risk.empty() ? Deadline::zero() : Deadline(k_detach_limit)));
    if (now.member == member_) {
      CO_TRY(co_await pass(now.lease.token, std::nullopt));
    }
    CO_TRY(co_await let_go_on_without());
    co_return risk;
  }

  // What was held still for the volume's sake goes on without it; the leaving side of a cutover stays fenced.
  asio::awaitable<Result<void>> let_go_on_without() {
    const bool stays_fenced = member_ == move_.from && context_.record.kind != protocol::VolumeSwitch::method;
    if (stays_fenced || (member_ == move_.from && move_.was_paused)) co_return outcome::success();
    co_return co_await let_go_on(context_, member_);
  }

  // The kernel needs a moment to close what was taken by force, or from a domain that is gone.
  asio::awaitable<Result<void>> wait_for_backends(std::optional<DomainId> allowed, Deadline limit) {
    const auto until = context_.ports.clock.steady() + limit;
    for (;;) {
      auto checked = co_await check_backends(allowed);
      if (checked || context_.ports.clock.steady() >= until) co_return checked;
      const Timestamp next = context_.ports.clock.now() + std::chrono::seconds(1);
      co_await context_.ports.clock.sleep_until(next);
    }
  }

  // xl gives a domain whose guest reboots what the one before had when xl looked, a second or two before: who has given the volume up in this operation may
  // have it again. Otherwise a guest could keep it by rebooting at the right moment.
  asio::awaitable<Result<void>> take_what_came_back(std::vector<Attachment>& attachments) {
    const Uuid giver = member_ == move_.from ? move_.to : move_.from;
    if (giver == member_ || attachments.empty()) co_return outcome::success();
    CO_TRY(const auto domain, co_await domain_of(context_, giver));
    if (!domain) co_return outcome::success();
    bool is_taken = false;
    for (const Attachment& one : attachments) {
      if (one.domain != domain->id) continue;
      const VmDisk disk{.device = one.device, .volume = volume_.volume};
      CO_TRY(co_await context_.ports.devices.detach(one.domain, disk, Detach::force, k_detach_limit));
      is_taken = true;
    }
    if (is_taken) {
      CO_TRY(attachments, co_await context_.ports.devices.attachments_of(volume_.volume));
    }
    co_return outcome::success();
  }

  // To the member: lease, backend, agent.
  asio::awaitable<Result<void>> give(IfSilent if_silent) {
    CO_TRY(Holding now, co_await holding());
    if (now.member && now.member != member_) {
      co_return fail(Errc::conflict, "cannot give volume '" + volume() + "' to '" + member() + "': '" + member_name(*family(), *now.member) + "' has it");
    }
    CO_TRY(const auto domain, co_await domain_of(context_, member_));
    CO_TRY(auto attachments, co_await context_.ports.devices.attachments_of(volume_.volume));
    if (!is_attached(attachments, domain) || now.member != member_) {
      CO_TRY(co_await take_what_came_back(attachments));
      CO_TRY(check(attachments, domain ? std::optional<DomainId>(domain->id) : std::nullopt));
    }
    if (now.member != member_) {
      CO_TRY(now.lease, co_await pass(now.lease.token, member_));
    }
    if (!domain && if_silent == IfSilent::accept) co_return outcome::success();  // it gets the disk when it runs again
    if (!domain) co_return fail(Errc::conflict, "cannot give volume '" + volume() + "' to '" + member() + "': it is not running");
    CO_TRY(co_await context_.ports.devices.attach(domain->id, disk_of(volume_)));
    co_await wait_for_agent(context_, member_);
    protocol::GuestAcquireVolume call{.volume = volume_.name, .device = volume_.device, .filesystem = volume_.filesystem, .token = now.lease.token};
    auto acquired = co_await context_.ports.guests.acquire_volume(member_, std::move(call), move_.config.release_timeout);
    const bool is_silent = !acquired && acquired.error().code == Errc::unavailable;
    if (acquired || (is_silent && (if_silent == IfSilent::accept || move_.config.channel == "none"))) co_return outcome::success();
    co_return said_by_agent(std::move(acquired).error(), "cannot give volume '" + volume() + "' to '" + member() + "'");
  }

  Move move_;
  SharedVolume volume_;

 private:
  bool is_attached(const std::vector<Attachment>& attachments, const std::optional<Domain>& domain) const {
    return std::any_of(attachments.begin(), attachments.end(),
                       [&](const Attachment& one) { return domain && one.domain == domain->id && one.device == volume_.device; });
  }

  asio::awaitable<Result<std::string>> ask_to_release(std::uint64_t token, IfRefused if_refused) {
    std::string why = "its agent is silent";
    if (!*move_.is_silent || member_ != move_.from) {
      co_await wait_for_agent(context_, member_);
      protocol::GuestReleaseVolume call{.volume = volume_.name, .device = volume_.device, .token = token};
      auto released = co_await context_.ports.guests.release_volume(member_, std::move(call), move_.config.release_timeout);
      if (released) co_return std::string();
      // An agent that says no is heard; one that does not answer, or whose hooks do not end in time, is not waited for.
      const bool refuses = released.error().code != Errc::unavailable && released.error().code != Errc::timed_out;
      if (refuses && if_refused == IfRefused::fail) {
        co_return said_by_agent(std::move(released).error(), "cannot take volume '" + volume() + "' from '" + member() + "'");
      }
      why = released.error().message;
    }
    CO_TRY(co_await fence(context_, member_, member(), move_.is_of_production ? IfItRunsOn::end : IfItRunsOn::fail));
    co_return "by force (" + why + "): what " + member() + " had not written is lost";
  }

  // Gives what was at risk where it took more than `how`.
  asio::awaitable<Result<std::string>> detach(Domain domain, Detach how) {
    if (how == Detach::ask) {
      auto asked = co_await context_.ports.devices.detach(domain.id, disk_of(volume_), how, k_detach_limit);
      if (asked) co_return std::string();
    }
    auto forced = co_await context_.ports.devices.detach(domain.id, disk_of(volume_), Detach::force, k_detach_limit);
    if (forced) co_return how == Detach::force ? "" : "by force: what " + member() + " had not written is lost";
    // The last means: a backend that does not let go of it goes with its domain.
    auto ended = co_await context_.ports.toolstack.end(member_);
    if (!ended) co_return with_context(std::move(ended).error(), "cannot take volume '" + volume() + "' from '" + member() + "' (" + forced.error().message + ')');
    co_return "by ending " + member() + " (" + forced.error().message + "): what it had not written is lost";
  }
};

class ReleaseVolumeStep : public VolumeStep {
 public:
  ReleaseVolumeStep(Context context, Move move, SharedVolume volume) : VolumeStep(std::move(context), move, std::move(volume), move.from) {}
  std::string name() const override { return k_release + volume(); }
  std::string plan() const override { return "have " + member() + " let go of volume " + volume(); }
  std::string intent() const override { return from_text(member_); }

  // Absent until it is taken: after a restart the agent is asked again.
  asio::awaitable<Result<Presence>> probe() override { return probe_taken(); }

  asio::awaitable<Result<StepOutcome>> act() override {
    StepOutcome outcome;
    CO_TRY(const Holding now, co_await holding());
    if (now.member && now.member != member_ && now.member != move_.to) {
      co_return fail(Errc::conflict, "cannot move volume '" + volume() + "': '" + member_name(*family(), *now.member) + "' has it; switch it first");
    }
    if (now.member != member_) co_return outcome;
    CO_TRY(co_await check_strangers());
    CO_TRY(Released released, co_await ask(move_.if_refused));
    if (released.asked && released.risk.empty()) outcome.text = member() + " let go of volume " + volume();
    (*move_.released)[volume_.name] = std::move(released);
    co_return outcome;
  }

  asio::awaitable<Result<void>> undo() override {
    CO_TRY(const Holding now, co_await holding());
    if (now.member && now.member != member_) co_return outcome::success();  // it never was this member's
    if (!move_.was_paused) {
      CO_TRY(co_await let_go_on(context_, member_));
    }
    co_return co_await give(IfSilent::accept);
  }

 private:
  // Before anything is changed: where a stranger has it too, nothing can be moved, and its holder goes on.
  asio::awaitable<Result<void>> check_strangers() {
    CO_TRY(const auto domain, co_await domain_of(context_, member_));
    const Deadline limit = move_.if_refused == IfRefused::force ? Deadline(k_detach_limit) : Deadline::zero();
    co_return co_await wait_for_backends(domain ? std::optional<DomainId>(domain->id) : std::nullopt, limit);
  }
};

class DetachVolumeStep : public VolumeStep {
 public:
  DetachVolumeStep(Context context, Move move, SharedVolume volume) : VolumeStep(std::move(context), move, std::move(volume), move.from) {}
  std::string name() const override { return "detach " + volume(); }
  std::string plan() const override { return "take volume " + volume() + " from " + member(); }
  asio::awaitable<Result<Presence>> probe() override { return probe_taken(); }

  asio::awaitable<Result<StepOutcome>> act() override {
    StepOutcome outcome;
    CO_TRY(const Holding now, co_await holding());
    if (now.member != member_) {
      CO_TRY(co_await let_go_on_without());  // where a restart came between
      co_return outcome;
    }
    CO_TRY(const std::string risk, co_await take((*move_.released)[volume_.name]));
    outcome.text = "took volume " + volume() + " from " + member() + (risk.empty() ? "" : ' ' + risk);
    co_return outcome;
  }
  asio::awaitable<Result<void>> undo() override { co_return outcome::success(); }  // that of the release gives it back
};

class AcquireVolumeStep : public VolumeStep {
 public:
  AcquireVolumeStep(Context context, Move move, SharedVolume volume) : VolumeStep(std::move(context), move, std::move(volume), move.to) {}
  std::string name() const override { return k_acquire + volume(); }
  std::string plan() const override { return "give volume " + volume() + " to " + member(); }
  asio::awaitable<Result<Presence>> probe() override { co_return Presence::absent; }  // to give it once more does no harm

  asio::awaitable<Result<StepOutcome>> act() override {
    CO_TRY(co_await give(IfSilent::fail));
    StepOutcome outcome;
    CO_TRY(const auto domain, co_await domain_of(context_, member_));
    if (domain) outcome.result = k_domain + std::to_string(domain->id.value);
    outcome.text = "gave volume " + volume() + " to " + member();
    co_return outcome;
  }

  asio::awaitable<Result<void>> undo() override {
    if (move_.from == member_) co_return outcome::success();  // it had the lease before
    CO_TRY(const Holding now, co_await holding());
    if (now.member != member_) co_return co_await let_go_on_without();  // where a restart came between
    CO_TRY(co_await take_away());
    co_return outcome::success();
  }
};

}  // namespace

std::unique_ptr<Step> release_volume_step(Context context, Move move, SharedVolume volume) {
  return std::make_unique<ReleaseVolumeStep>(std::move(context), std::move(move), std::move(volume));
}

std::unique_ptr<Step> detach_volume_step(Context context, Move move, SharedVolume volume) {
  return std::make_unique<DetachVolumeStep>(std::move(context), std::move(move), std::move(volume));
}

std::unique_ptr<Step> acquire_volume_step(Context context, Move move, SharedVolume volume) {
  return std::make_unique<AcquireVolumeStep>(std::move(context), std::move(move), std::move(volume));
}

asio::awaitable<Result<std::vector<OperationRecord>>> recent_operations(Journal& journal, Uuid family) {
  constexpr std::size_t k_most_looked_through = 200;
  const OperationFilter filter{.family = family, .most = k_most_looked_through, .whole = true};
  co_return co_await journal.list(filter);
}

const OperationRecord* last_about(const std::vector<OperationRecord>& operations, const VolumeName& volume) {
  const auto moves = [&](const StepRecord& step) {
    const bool is_about = step.name == k_release + volume.text() || step.name == k_acquire + volume.text();
    return is_about && step.state != protocol::StepState::pending;
  };
  for (const OperationRecord& operation : operations) {
    if (std::any_of(operation.steps.begin(), operation.steps.end(), moves)) return &operation;
  }
  return nullptr;
}

std::optional<DomainId> last_given_to(const std::vector<OperationRecord>& operations, const VolumeName& volume) {
  for (const OperationRecord& operation : operations) {
    for (const StepRecord& step : operation.steps) {
      if (step.name != k_acquire + volume.text() || step.state != protocol::StepState::done) continue;
      DomainId domain;
      const std::string_view number = step.result.starts_with(k_domain) ? std::string_view(step.result).substr(k_domain.size()) : std::string_view();
      const auto [stop, wrong] = std::from_chars(number.data(), number.data() + number.size(), domain.value);
      return wrong == std::errc() && stop == number.data() + number.size() ? std::optional(domain) : std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace zynclone::broker
