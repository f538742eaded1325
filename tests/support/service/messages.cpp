#include "tests/support/service/messages.hpp"

#include <array>

namespace zynclone::tests {

using namespace protocol;

Timestamp sample_time() {
  return parse_rfc3339("2026-11-21T02:58:59.000Z").value();
}

OperationId sample_operation_id() {
  return OperationId::parse("01JD0000000000000000000001").value();
}

CloneView sample_clone() {
  CloneView clone;
  clone.name = CloneName::parse("upgrade-1").value();
  clone.vm = VmName::parse("pos1").value();
  clone.uuid = Uuid::parse("7f1d0c5e-3a52-8b11-9c0d-2f6e8a417b90").value();
  clone.state = CloneState::running;
  clone.mode = CloneMode::online;
  clone.consistency = Consistency::filesystem;
  clone.created = sample_time();
  clone.original_vif_mask = ~0ull;
  clone.clone_vif_mask = 0;
  clone.vifs = {{.index = 0, .mode = VifMode::disabled, .mac = "00:16:3e:5a:01:02"}};
  clone.disks = {{.device = "xvda", .format = "lvm-thin", .size = 1ull << 30}};
  clone.note = "before the update";
  return clone;
}

FamilyView sample_family() {
  FamilyView family;
  family.vm = VmName::parse("pos1").value();
  family.uuid = Uuid::parse("0b5a6c1e-9d52-4b11-8c0d-2f6e8a417b90").value();
  family.self = "pos1";
  family.production = "pos1";
  family.generation = 4;
  family.vifs = {{.index = 0, .mode = VifMode::unlocked, .mac = "00:16:3e:5a:00:01"}};
  family.clones = {sample_clone()};
  return family;
}

ProbationView sample_probation() {
  ProbationView probation{.from = "pos1", .to = "standby", .began = sample_time(), .ends = sample_time() + std::chrono::minutes(30)};
  probation.operation = sample_operation_id();
  return probation;
}

PeripheralView sample_peripheral() {
  PeripheralView peripheral;
  peripheral.name = PeripheralName::parse("printer").value();
  peripheral.vm = VmName::parse("pos1").value();
  peripheral.device = "04b8:0202";
  peripheral.present = true;
  peripheral.holder = "standby";
  return peripheral;
}

VolumeView sample_volume() {
  VolumeView volume;
  volume.name = VolumeName::parse("sales").value();
  volume.vm = VmName::parse("pos1").value();
  volume.device = "xvds";
  volume.filesystem = "ext4";
  volume.holder = "standby";
  volume.token = 3;
  volume.attached = true;
  return volume;
}

GrantView sample_grant() {
  GrantView grant{.id = sample_operation_id(), .vm = VmName::parse("pos1").value(), .operations = "cutover.*", .created = sample_time()};
  grant.until = sample_time() + std::chrono::minutes(30);
  grant.by = "admin:ada";
  return grant;
}

OperationView sample_operation(std::size_t steps_done) {
  static constexpr std::array k_steps{
      std::array{"allow", "allowed", "waits"},
      std::array{"quiesce", "quiesced pos1 (1.2 s, 2 hooks)", "quiesce pos1"},
      std::array{"snapshot xvda", "snapshot pos1-root → pos1-root.z01jd (thin, 1 GiB)", "snapshot pos1-root"},
      std::array{"start", "started paused, locked down, unpaused", "start upgrade-1"},
  };
  OperationView operation;
  operation.id = sample_operation_id();
  operation.kind = "clone.create";
  operation.vm = VmName::parse("pos1").value();
  operation.target = "upgrade-1";
  operation.state = OperationState::running;
  operation.percent = static_cast<unsigned>(steps_done * 25);
  operation.requester = "pos1";
  operation.created = sample_time();
  for (std::size_t i = 0; i < k_steps.size() && i <= steps_done; ++i) {
    StepView step{.name = k_steps[i][0]};
    step.state = i < steps_done ? StepState::done : StepState::running;
    step.text = k_steps[i][i < steps_done ? 1 : 2];
    if (i == 2 && i == steps_done) step.percent = 40;
    operation.steps.push_back(step);
  }
  return operation;
}

OperationView finished_operation() {
  OperationView operation = sample_operation(4);
  operation.state = OperationState::succeeded;
  operation.percent = 100;
  operation.finished = sample_time() + std::chrono::seconds(3);
  operation.summary = "clone upgrade-1 is running: interfaces 0 disabled (mask 0x0), disks filesystem-consistent";
  operation.clone = sample_clone();
  return operation;
}

OperationView failed_operation() {
  OperationView operation = sample_operation(2);
  operation.state = OperationState::failed;
  operation.finished = sample_time() + std::chrono::seconds(2);
  operation.steps[1].state = StepState::undone;
  operation.steps[2].state = StepState::failed;
  operation.steps[2].percent.reset();
  operation.steps[2].text = "cannot snapshot 'pos1-root': thin pool vg0/pool has 10 MiB left, 1 GiB is kept in reserve";
  operation.error = ErrorView{.code = "no-space", .message = operation.steps[2].text, .place = "xvda"};
  return operation;
}

OperationView awaiting_operation() {
  OperationView operation = sample_operation(0);
  operation.state = OperationState::awaiting_approval;
  operation.steps[0].text = "waits for an administrator to allow it";
  return operation;
}

}  // namespace zynclone::tests
