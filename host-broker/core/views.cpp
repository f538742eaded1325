#include "host-broker/core/views.hpp"

#include "host-broker/core/records.hpp"
#include "host-broker/core/registry.hpp"
#include "host-broker/core/views_for_guest.hpp"
#include "protocol/codec.hpp"
#include "protocol/command.hpp"
#include "system/duration.hpp"

namespace zynclone::broker {
namespace {

std::vector<protocol::VifView> vifs_of(const Family& family, const Uuid& member) {
  std::vector<protocol::VifView> vifs;
  for (const MemberLockdown& lockdown : lockdown_of(family)) {
    if (lockdown.uuid != member) continue;
    for (const VifLockdown& vif : lockdown.vifs) {
      vifs.push_back(protocol::VifView{.index = vif.index, .mode = vif.mode, .mac = vif.mac});
    }
  }
  return vifs;
}

// " (1 of 2)" where more than one must allow it.
std::string allowed_count(const OperationRecord& record) {
  if (record.approvers_needed < 2) return " to allow it";
  return " (" + std::to_string(record.allowed_by.size()) + " of " + std::to_string(record.approvers_needed) + ')';
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// The decision stands first among what happened to a request. Who decided is for administrators.
protocol::StepView decision_step(const OperationRecord& record, Audience audience) {
  using protocol::OperationState;
  protocol::StepView step{.name = "allow", .state = protocol::StepState::done, .text = "allowed"};
  if (record.state == OperationState::awaiting_approval) {
    step.state = protocol::StepState::running;
    step.text = "waits for an administrator" + (audience == Audience::guest ? " to allow it" : allowed_count(record));
  } else if (record.state == OperationState::denied || record.state == OperationState::expired) {
    step.state = protocol::StepState::failed;
    step.text = record.state == OperationState::denied ? "denied" : "expired: no administrator answered in time";
  } else if (!record.allowed_by.empty()) {
    step.text = "allowed by " + (audience == Audience::guest ? "an administrator" : joined(record.allowed_by));
  }
  return step;
}

std::string cut(std::string_view text) { return std::string(cut_text(text, protocol::k_longest_text)); }

std::string shown(const std::string& text, Audience audience) {
  return cut(audience == Audience::guest ? for_guest(std::string_view(text)) : text);
}

// A failed step's text is its error's, so to a guest it reads as the operation's error does once that is known.
std::string failed_text(const OperationRecord& record, const StepRecord& step) {
  if (step.text.starts_with(k_cannot_undo)) return "could not be undone";
  const bool is_the_error = record.error && record.error->message.starts_with(step.text);
  return is_the_error ? cut(for_guest(*record.error).message) : "failed";
}

protocol::StepView view_of(const OperationRecord& record, const StepRecord& step, Audience audience) {
  protocol::StepView view{.name = step.name, .state = step.state, .percent = step.percent};
  view.warning = step.state == protocol::StepState::done && step.warning;
  const bool is_failed = step.state == protocol::StepState::failed;
  view.text = is_failed && audience == Audience::guest ? failed_text(record, step) : shown(step.text, audience);
  return view;
}

// What an operation that has not ended waits for is the host's matter.
std::string summary_of(const OperationRecord& record, Audience audience) {
  const bool waits = !protocol::is_final(record.state) && !record.summary.empty();
  if (waits && audience == Audience::guest) return "the host cannot go on with it at the moment";
  return shown(record.summary, audience);
}

std::string requester_of(const OperationRecord& record, Audience audience) {
  const bool is_hidden = audience == Audience::guest && is_of_administrator(record);
  return is_hidden ? "admin" : record.requester_name;
}

std::string detail_of(const protocol::CloneCreate& call) {
  std::string text = "mode " + std::string(to_string(call.mode));
  if (call.network) text += ", network " + std::string(to_string(*call.network));
  if (!call.start) text += ", not started";
  if (call.ttl_s) text += ", for " + format_duration(std::chrono::seconds(std::min<std::uint64_t>(*call.ttl_s, 1'000'000'000)));
  return call.note.empty() ? text : text + ", note: " + call.note;
}

std::string detail_of(const protocol::CutoverStart& call) {
  std::string text;
  if (call.probation_s) text = "on probation for " + format_duration(std::chrono::seconds(std::min<std::uint64_t>(*call.probation_s, 1'000'000'000)));
  if (call.after_probation) text += (text.empty() ? "" : ", ") + std::string("then ") + std::string(to_string(*call.after_probation));
  return text;
}

std::string detail_of(const protocol::VolumeSwitch& call) { return "volume " + call.volume.text(); }
std::string detail_of(const protocol::AgentRun& call) {
  return "run '" + protocol::command_text(call.command) + "' for at most " + format_duration(std::chrono::seconds(std::min<std::uint64_t>(call.limit_s, 1'000'000'000)));
}
std::string detail_of(const protocol::CloneRename& call) { return "to " + call.new_name.text(); }

}  // namespace

std::string detail_of(const OperationRecord& record) {
  const auto request = protocol::decode_request(record.request, protocol::Sender::administrator);  // it names the VM, as the journal's do
  if (!request) return {};
  return std::visit(
      [](const auto& call) -> std::string {
        if constexpr (requires { detail_of(call); }) return cut(printable(detail_of(call)));
        else return {};
      },
      request.value().method);
}

Audience audience_of(const Caller& caller) {
  return std::holds_alternative<Caller::Member>(caller.identity) ? Audience::guest : Audience::administrator;
}

protocol::CloneView view_of(const Family& family, const Clone& clone, Audience audience) {
  protocol::CloneView view;
  view.name = clone.name;
  view.vm = family.vm;
  view.uuid = clone.uuid;
  view.state = clone.state;
  view.mode = clone.mode;
  view.consistency = clone.consistency;
  view.created = clone.created;
  view.original_vif_mask = clone.original_mask.value;
  view.clone_vif_mask = clone.clone_mask.value;
  view.vifs = vifs_of(family, clone.uuid);
  view.note = clone.note;
  view.expires = clone.expires;
  view.awaits_identity = clone.awaits_identity;
  view.network = clone.network;
  view.is_protected = clone.is_protected;
  for (const CloneDisk& disk : clone.disks) {
    protocol::DiskView shown{.device = disk.device, .format = std::string(to_string(disk.volume.format)), .size = disk.size};
    if (audience == Audience::administrator) shown.location = disk.volume.path;
    view.disks.push_back(std::move(shown));
  }
  return view;
}

protocol::FamilyView view_of(const Family& family) {
  protocol::FamilyView view;
  view.vm = family.vm;
  view.uuid = family.uuid;
  if (const auto member = production_member(family)) view.production = member_name(family, *member);
  view.production_generation = family.production.generation;
  view.generation = family.generation.value;
  view.vifs = vifs_of(family, family.uuid);
  return view;
}

protocol::OperationView view_of(const OperationRecord& record, const Family* family, Audience audience) {
  protocol::OperationView view;
  view.id = record.id;
  view.kind = record.kind;
  view.vm = record.vm;
  view.target = record.target;
  view.detail = detail_of(record);
  view.state = record.state;
  view.percent = record.percent;
  view.requester = requester_of(record, audience);
  view.created = record.created;
  view.finished = record.finished;
  view.summary = summary_of(record, audience);
  view.steps.push_back(decision_step(record, audience));
  for (const StepRecord& step : record.steps) view.steps.push_back(view_of(record, step, audience));
  if (record.error) {
    const Error error = audience == Audience::guest ? for_guest(*record.error) : *record.error;
    view.error = protocol::ErrorView{.code = std::string(to_string(error.code)), .message = cut(error.message), .place = cut(error.place)};
  }
  if (audience == Audience::administrator) {
    view.decision = protocol::DecisionView{.decision = record.decision, .place = record.decision_place};
  }
  if (family == nullptr) return view;
  if (const Clone* clone = find_clone(*family, std::string_view(record.target))) view.clone = view_of(*family, *clone, audience);
  return view;
}

}  // namespace zynclone::broker
