#pragma once
// Which fields each struct of protocol/messages.hpp has on the wire, in their order there. `required` must be present, `field` keeps
// its default when absent, `optional` may be absent. Internal to protocol/.

#include "protocol/descriptions_views.hpp"
#include "protocol/messages.hpp"

namespace zynclone::protocol {

template <class A>
void describe(A& archive, Hello& value) {
  archive.required("oldest_version", value.oldest_version);
  archive.required("newest_version", value.newest_version);
  archive.field("capabilities", value.capabilities);
  archive.field("software", value.software);
}

template <class A>
void describe(A& archive, FamilyShow& value) {
  archive.optional("after", value.after);
}

template <class A>
void describe(A& archive, CloneCreate& value) {
  archive.required("name", value.name);
  archive.field("mode", value.mode);
  archive.field("start", value.start);
  archive.field("note", value.note);
  archive.optional("network", value.network);
  archive.optional("ttl_s", value.ttl_s);
}

template <class A>
void describe(A& archive, CloneStart& value) {
  archive.required("name", value.name);
}

template <class A>
void describe(A& archive, CloneStop& value) {
  archive.required("name", value.name);
}

template <class A>
void describe(A& archive, CloneActivate& value) {
  archive.required("name", value.name);
}

template <class A>
void describe(A& archive, CloneDeactivate& value) {
  archive.required("name", value.name);
}

template <class A>
void describe(A& archive, CloneRemove& value) {
  archive.required("name", value.name);
}

template <class A>
void describe(A& archive, CloneRename& value) {
  archive.required("name", value.name);
  archive.required("new_name", value.new_name);
}

template <class A>
void describe(A& archive, CloneProtect& value) {
  archive.required("name", value.name);
}

template <class A>
void describe(A& archive, CloneUnprotect& value) {
  archive.required("name", value.name);
}

template <class A>
void describe(A& archive, CloneShow& value) {
  archive.required("name", value.name);
}

template <class A>
void describe(A& archive, CloneList& value) {
  archive.optional("after", value.after);
  archive.optional("after_vm", value.after_vm);
}

template <class A>
void describe(A& archive, CutoverStart& value) {
  archive.required("name", value.name);
  archive.optional("probation_s", value.probation_s);
  archive.optional("after_probation", value.after_probation);
}

template <class A>
void describe(A&, CutoverCommit&) {}

template <class A>
void describe(A&, CutoverUndo&) {}

template <class A>
void describe(A&, CutoverShow&) {}

template <class A>
void describe(A& archive, VmRepair& value) {
  archive.optional("to", value.to);
}

template <class A>
void describe(A& archive, VolumeSwitch& value) {
  archive.required("volume", value.volume);
  archive.required("to", value.to);
}

template <class A>
void describe(A&, PeripheralList&) {}

template <class A>
void describe(A&, VolumeList&) {}

template <class A>
void describe(A& archive, OperationShow& value) {
  archive.required("id", value.id);
}

template <class A>
void describe(A& archive, OperationList& value) {
  archive.field("limit", value.limit);
  archive.optional("after", value.after);
}

template <class A>
void describe(A& archive, OperationCancel& value) {
  archive.required("id", value.id);
}

template <class A>
void describe(A& archive, OperationWatch& value) {
  archive.required("id", value.id);
}

template <class A>
void describe(A& archive, ApprovalList& value) {
  archive.optional("after", value.after);
}

template <class A>
void describe(A& archive, ApprovalAllow& value) {
  archive.required("id", value.id);
  archive.field("reason", value.reason);
}

template <class A>
void describe(A& archive, ApprovalDeny& value) {
  archive.required("id", value.id);
  archive.field("reason", value.reason);
}

template <class A>
void describe(A& archive, GrantAdd& value) {
  archive.required("operations", value.operations);
  archive.required("until", value.until);
  archive.field("times", value.times);
}

template <class A>
void describe(A&, GrantList&) {}

template <class A>
void describe(A& archive, GrantRevoke& value) {
  archive.required("id", value.id);
}

template <class A>
void describe(A& archive, AuditList& value) {
  archive.field("after", value.after);
  archive.field("limit", value.limit);
}

template <class A>
void describe(A&, HostHealth&) {}

template <class A>
void describe(A& archive, AgentHealth& value) {
  archive.optional("clone", value.clone);
}

template <class A>
void describe(A& archive, AgentRun& value) {
  archive.optional("clone", value.clone);
  archive.required("command", value.command);
  archive.field("limit_s", value.limit_s);
}

template <class A>
void describe(A& archive, GuestQuiesce& value) {
  archive.required("token", value.token);
  archive.field("hold_ms", value.hold_ms);
}

template <class A>
void describe(A& archive, GuestThaw& value) {
  archive.required("token", value.token);
}

template <class A>
void describe(A& archive, GuestPrepareCutover& value) {
  archive.required("token", value.token);
  archive.required("side", value.side);
}

template <class A>
void describe(A& archive, GuestApplyIdentity& value) {
  archive.required("token", value.token);
  archive.required("generation_id", value.generation_id);
  archive.required("hostname", value.hostname);
  archive.field("vifs", value.vifs);
}

template <class A>
void describe(A& archive, GuestReleaseVolume& value) {
  archive.required("volume", value.volume);
  archive.required("device", value.device);
  archive.field("token", value.token);
}

template <class A>
void describe(A& archive, GuestAcquireVolume& value) {
  archive.required("volume", value.volume);
  archive.required("device", value.device);
  archive.field("filesystem", value.filesystem);
  archive.field("token", value.token);
}

template <class A>
void describe(A&, GuestHealth&) {}

template <class A>
void describe(A& archive, GuestRun& value) {
  archive.required("token", value.token);
  archive.required("command", value.command);
  archive.field("limit_ms", value.limit_ms);
  archive.field("attach", value.attach);
}

template <class A>
void describe(A& archive, OperationChanged& value) {
  archive.required("operation", value.operation);
}

}  // namespace zynclone::protocol
