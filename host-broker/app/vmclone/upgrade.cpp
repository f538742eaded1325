#include "host-broker/app/vmclone/upgrade.hpp"

#include "protocol/command.hpp"
#include "system/duration.hpp"

namespace zynclone::broker::vmclone {
namespace {

constexpr std::chrono::hours k_probation_beyond{1};  // the command's limit: for health checks and the way back
constexpr std::chrono::hours k_standby_life{7 * 24};  // a vmclone that was killed removes nothing; the host keeps whoever has production

std::chrono::seconds probation_of(const UpgradeOrder& order) { return order.limit + k_probation_beyond; }

class Upgrade {
 public:
  Upgrade(Undertaking& undertaking, const UpgradeOrder& order)
      : work_(undertaking), order_(order), vm_(undertaking.vm().text()), standby_(order.standby.text()) {}

  UpgradeEnd run() {
    if (auto prepared = prepare(); !prepared) return nothing_changed(std::move(prepared).error());
    if (auto moved = move_to_standby(); !moved) return not_moved(std::move(moved).error());
    work_.say("the till sells on " + standby_ + "; " + vm_ + " is upgraded, silent");
    if (auto upgraded = upgrade_original(); !upgraded) return stays_with_standby(std::move(upgraded).error());
    work_.say("the till moves back to " + vm_ + ": it stands still for a moment");
    if (auto back = work_.perform("the till moved back to " + vm_, protocol::CutoverUndo{}); !back) return stays_with_standby(std::move(back).error());
    work_.say("the till sells on " + vm_ + "; is it well there?");
    if (auto well = work_.check_health({}, order_.health_limit); !well) return back_to_standby(std::move(well).error());
    work_.say("the till sells on " + vm_ + ", upgraded; " + standby_ + " is removed");
    if (!work_.session().interrupted()) work_.remove(order_.standby);
    return UpgradeEnd{.production = vm_, .lines = {"the till sells on " + vm_ + ", upgraded"}};
  }

 private:
  // All that happens beside the till.
  Result<void> prepare() {
    if (order_.rehearse) {
      work_.say("the till sells on " + vm_ + "; the upgrade is rehearsed in a private clone of it");
      const Rehearsal rehearsal{.clone = rehearsal_name(), .command = order_.command, .limit = order_.limit, .health_limit = order_.health_limit};
      auto rehearsed = rehearse(work_, rehearsal);
      if (!rehearsed) return with_context(rehearsed.error(), "the rehearsal failed");
      if (work_.session().interrupted()) return fail(Errc::cancelled, "interrupted");
    }
    work_.say("the till sells on " + vm_ + "; " + standby_ + " is cloned from it");
    protocol::CloneCreate create;
    create.name = order_.standby;
    create.note = "stands in while " + vm_ + " is upgraded";
    create.ttl_s = static_cast<std::uint64_t>(std::chrono::seconds(k_standby_life).count());
    TRY(work_.perform("made " + standby_, std::move(create)));
    is_made_ = true;
    return work_.wait_connected(order_.standby);
  }

  Result<void> move_to_standby() {
    work_.say("the till moves to " + standby_ + ": it stands still for a moment");
    protocol::CutoverStart start;
    start.name = order_.standby;
    start.probation_s = static_cast<std::uint64_t>(probation_of(order_).count());
    start.after_probation = protocol::AfterProbation::undo;
    return work_.perform("the till moved to " + standby_, std::move(start));
  }

  Result<void> upgrade_original() {
    protocol::AgentRun run{.command = order_.command, .limit_s = static_cast<std::uint64_t>(order_.limit.count())};
    TRY(work_.perform("ran '" + protocol::command_text(order_.command) + "' in " + vm_, std::move(run)));
    return work_.check_health({}, order_.health_limit);
  }

  UpgradeEnd nothing_changed(Error error) {
    if (work_.session().interrupted()) {
      return UpgradeEnd{.error = std::move(error), .production = vm_, .lines = {"the till sells on " + vm_ + ", which has not changed; clones that were made for this: vmclone list " + vm_}};
    }
    if (is_made_) work_.remove(order_.standby);
    return UpgradeEnd{.error = std::move(error), .production = vm_, .lines = {"nothing has changed: the till sells on " + vm_}};
  }

  // A cutover that failed has put everything back, as far as that went; where it was interrupted it may have gone on.
  UpgradeEnd not_moved(Error error) {
    if (work_.session().interrupted()) return interrupted(std::move(error));
    const std::string production = work_.production();
    if (production == vm_) return nothing_changed(std::move(error));
    return UpgradeEnd{.error = std::move(error), .production = production, .lines = with_question({vm_ + " has not changed"})};
  }

  UpgradeEnd interrupted(Error error) const {
    return UpgradeEnd{.error = std::move(error),
                      .lines = {"what was begun goes on; while " + standby_ + " has the till, it is on probation, and at its end the till goes back to " + vm_ + " by itself:",
                                "  vmclone cutover show " + vm_, "  vmclone cutover undo " + vm_ + "     back at once", "  vmclone cutover commit " + vm_ + "   not at all"}};
  }

  // The original is not to be trusted: the standby keeps the till, beyond its probation.
  UpgradeEnd stays_with_standby(Error error) {
    if (work_.session().interrupted()) return interrupted(std::move(error));
    UpgradeEnd end{.error = std::move(error), .production = work_.production()};
    if (end.production != standby_) {
      end.lines = with_question({vm_ + " may be upgraded in part"});
      return end;
    }
    work_.say("the till sells on " + standby_ + " and stays there: " + vm_ + " is not fit for it");
    auto committed = work_.perform("the till stays with " + standby_, protocol::CutoverCommit{});
    end.lines.push_back("the till sells on " + standby_ + "; " + vm_ + " is left as it is, for a look:");
    if (!committed) {
      end.lines.push_back("  vmclone cutover commit " + vm_ + "   at once, or the till goes back to it when the probation ends: this failed: " + committed.error().message);
    }
    end.lines.insert(end.lines.end(), {"  vmclone health " + vm_ + "   what its agent says of it", "  vmclone run " + vm_ + " -- COMMAND   to mend it",
                                       "  vmclone protect " + vm_ + ' ' + standby_ + "   or it is removed a week after its making, once it has no production",
                                       "  vmclone cutover start " + vm_ + ' ' + vm_ + "   then the till goes back to it"});
    return end;
  }

  // It was well as long as nobody worked with it. The standby has worked, so it works again.
  UpgradeEnd back_to_standby(Error error) {
    if (work_.session().interrupted()) return UpgradeEnd{.error = std::move(error), .production = vm_, .lines = {"the till sells on " + vm_ + ", upgraded; clone " + standby_ + " is left"}};
    work_.say("the till sells on " + vm_ + ", which is not well with it");
    auto moved = move_to_standby();
    if (moved) return stays_with_standby(std::move(error));
    UpgradeEnd end{.error = std::move(error), .production = work_.production()};
    end.lines = with_question({"it could not be moved to " + standby_ + ", which is left: " + moved.error().message, "  vmclone cutover start " + vm_ + ' ' + standby_ + "   tries it again"});
    return end;
  }

  std::vector<std::string> with_question(std::vector<std::string> lines) {
    const std::string production = work_.production();
    lines.insert(lines.begin(), production.empty() ? "who has the till is not known: vmclone cutover show " + vm_ + ", vmclone repair " + vm_ : "the till sells on " + production);
    return lines;
  }

  Undertaking& work_;
  const UpgradeOrder& order_;
  std::string vm_;
  std::string standby_;
  bool is_made_ = false;
};

}  // namespace

std::vector<std::string> upgrade_plan(const VmName& name, const UpgradeOrder& order) {
  const std::string vm = name.text();
  const std::string standby = order.standby.text();
  const std::string command = "'" + protocol::command_text(order.command) + "'";
  std::vector<std::string> lines;
  if (order.rehearse) lines.push_back("rehearse: run " + command + " in a private clone of " + vm + ", ask for its health, remove it");
  lines.insert(lines.end(), {"clone " + vm + " online as " + standby,
                             "move the till to " + standby + ": it stands still for a moment; on probation for " + format_duration(probation_of(order)) + ", then undone",
                             "run " + command + " in " + vm + ", silent, for at most " + format_duration(order.limit),
                             "ask " + vm + " for its health; where that or the command fails, the till stays with " + standby,
                             "move the till back to " + vm + ": it stands still for a moment", "ask " + vm + " for its health again", "remove " + standby});
  return lines;
}

Result<void> check_upgrade(Undertaking& undertaking) {
  const std::string vm = undertaking.vm().text();
  protocol::Request envelope;
  envelope.vm = undertaking.vm();
  TRY(const auto shown, undertaking.session().ask(protocol::CutoverShow{}, std::move(envelope)));
  const std::string cannot = "cannot upgrade '" + vm + "': ";
  if (shown.probation) return fail(Errc::conflict, cannot + "'" + shown.probation->to + "' is on probation; commit or undo that cutover first");
  if (shown.production.empty()) return fail(Errc::conflict, cannot + "nobody has production; 'vmclone repair " + vm + "' leads out of this");
  if (shown.production != vm) return fail(Errc::conflict, cannot + "'" + shown.production + "' has production; move it to '" + vm + "' first, or it is not the till that is upgraded");
  return outcome::success();
}

UpgradeEnd upgrade(Undertaking& undertaking, const UpgradeOrder& order) { return Upgrade(undertaking, order).run(); }

}  // namespace zynclone::broker::vmclone
