#include "guest-agent-linux/client/convert.hpp"

#include "protocol/codec.hpp"

namespace zynclone::client {
namespace {

// Each public enumeration has the protocol's enumerators in the protocol's order; the asserts notice when one side grows alone.
static_assert(static_cast<int>(ErrorCode::internal) == static_cast<int>(Errc::internal));
static_assert(static_cast<int>(ErrorCode::moved) == static_cast<int>(Errc::moved));
static_assert(static_cast<int>(CloneMode::live) == static_cast<int>(protocol::CloneMode::live));
static_assert(static_cast<int>(CloneState::removing) == static_cast<int>(protocol::CloneState::removing));
static_assert(static_cast<int>(Consistency::live) == static_cast<int>(protocol::Consistency::live));
static_assert(static_cast<int>(CloneNetwork::isolated) == static_cast<int>(protocol::CloneNetwork::isolated));
static_assert(static_cast<int>(VifMode::disabled) == static_cast<int>(protocol::VifMode::disabled));
static_assert(static_cast<int>(AfterProbation::commit) == static_cast<int>(protocol::AfterProbation::commit));
static_assert(static_cast<int>(OperationState::cancelled) == static_cast<int>(protocol::OperationState::cancelled));
static_assert(static_cast<int>(StepState::undone) == static_cast<int>(protocol::StepState::undone));

std::vector<Vif> convert(const std::vector<protocol::VifView>& views) {
  std::vector<Vif> vifs;
  for (const auto& view : views) vifs.push_back({view.index, static_cast<VifMode>(view.mode), view.mac});
  return vifs;
}

std::optional<Probation> convert(const std::optional<protocol::ProbationView>& view) {
  if (!view) return std::nullopt;
  return Probation{view->from, view->to, view->began, view->ends, static_cast<AfterProbation>(view->after), view->operation.text()};
}

}  // namespace

const char* to_string(ErrorCode code) {
  return zynclone::to_string(static_cast<Errc>(code)).data();
}

Error convert(const zynclone::Error& error) {
  return {static_cast<ErrorCode>(error.code), printable(error.message), printable(error.place)};
}

Clone convert(const protocol::CloneView& view) {
  Clone clone;
  clone.name = view.name.text();
  clone.vm = view.vm.text();
  clone.uuid = view.uuid.text();
  clone.state = static_cast<CloneState>(view.state);
  clone.mode = static_cast<CloneMode>(view.mode);
  clone.consistency = static_cast<Consistency>(view.consistency);
  clone.created = view.created;
  clone.vifs = convert(view.vifs);
  for (const auto& disk : view.disks) clone.disks.push_back({disk.device, disk.format, disk.size});
  clone.note = view.note;
  if (view.expires) clone.expires = *view.expires;
  clone.is_protected = view.is_protected;
  clone.network = static_cast<CloneNetwork>(view.network);
  return clone;
}

Volume convert(const protocol::VolumeView& view) {
  return {view.name.text(), view.device, view.filesystem, view.holder, view.attached, printable(view.problem)};
}

Peripheral convert(const protocol::PeripheralView& view) {
  return {view.name.text(), std::string(to_string(view.kind)), printable(view.device), view.present, view.holder, printable(view.problem)};
}

Cutover convert(const protocol::CutoverView& view) {
  Cutover cutover{view.production, view.generation, convert(view.probation), {}, {}};
  for (const auto& peripheral : view.peripherals) cutover.peripherals.push_back(convert(peripheral));
  for (const auto& volume : view.volumes) cutover.volumes.push_back(convert(volume));
  return cutover;
}

Family convert(const protocol::FamilyView& view) {
  Family family;
  family.vm = view.vm.text();
  family.uuid = view.uuid.text();
  family.self = view.self;
  family.is_clone = view.role == protocol::MemberRole::clone;
  family.production = view.production;
  family.probation = convert(view.probation);
  family.vifs = convert(view.vifs);
  for (const auto& clone : view.clones) family.clones.push_back(convert(clone));
  return family;
}

Operation convert(const protocol::OperationView& view) {
  Operation operation;
  operation.id = view.id.text();
  operation.kind = view.kind;
  operation.target = view.target;
  operation.state = static_cast<OperationState>(view.state);
  operation.percent = view.percent;
  operation.requester = view.requester;
  operation.created = view.created;
  for (const auto& step : view.steps) {
    operation.steps.push_back({step.name, static_cast<StepState>(step.state), printable(step.text), step.percent});
  }
  operation.summary = printable(view.summary);
  if (view.error) operation.error = convert(zynclone::Error{parse_errc(view.error->code), view.error->message, view.error->place});
  if (view.clone) operation.clone = convert(*view.clone);
  return operation;
}

Plan convert(const protocol::PlanView& view) {
  Plan plan{view.kind, view.target, view.decision, {}};
  for (const auto& step : view.steps) plan.steps.push_back(printable(step.text.empty() ? step.name : step.text));
  return plan;
}

}  // namespace zynclone::client
