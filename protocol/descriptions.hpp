#pragma once
// Which fields each struct of protocol/messages.hpp has on the wire, in their order there. `required` must be present, `field` keeps
// its default when absent, `optional` may be absent. Internal to protocol/.

#include "protocol/fields.hpp"

namespace zynclone::protocol {

template <class A>
void describe(A& archive, VifView& value) {
  archive.field("index", value.index);
  archive.field("mode", value.mode);
  archive.field("mac", value.mac);
}

template <class A>
void describe(A& archive, DiskView& value) {
  archive.required("device", value.device);
  archive.field("format", value.format);
  archive.field("size", value.size);
  archive.optional("location", value.location);
}

template <class A>
void describe(A& archive, CloneView& value) {
  archive.required("name", value.name);
  archive.required("vm", value.vm);
  archive.required("uuid", value.uuid);
  archive.field("state", value.state);
  archive.field("mode", value.mode);
  archive.field("consistency", value.consistency);
  archive.field("created", value.created);
  archive.field("original_vif_mask", value.original_vif_mask);
  archive.field("clone_vif_mask", value.clone_vif_mask);
  archive.field("vifs", value.vifs);
  archive.field("disks", value.disks);
  archive.field("note", value.note);
  archive.optional("expires", value.expires);
  archive.field("is_protected", value.is_protected);
  archive.optional("domain", value.domain);
}

template <class A>
void describe(A& archive, ProbationView& value) {
  archive.required("from", value.from);
  archive.required("to", value.to);
  archive.required("began", value.began);
  archive.required("ends", value.ends);
  archive.required("after", value.after);
  archive.required("operation", value.operation);
}

template <class A>
void describe(A& archive, FamilyView& value) {
  archive.required("vm", value.vm);
  archive.required("uuid", value.uuid);
  archive.field("self", value.self);
  archive.field("role", value.role);
  archive.field("production", value.production);
  archive.field("production_generation", value.production_generation);
  archive.optional("probation", value.probation);
  archive.field("generation", value.generation);
  archive.field("vifs", value.vifs);
  archive.field("clones", value.clones);
  archive.field("more", value.more);
}

template <class A>
void describe(A& archive, ErrorView& value) {
  archive.required("code", value.code);
  archive.required("message", value.message);
  archive.field("place", value.place);
}

template <class A>
void describe(A& archive, StepView& value) {
  archive.required("name", value.name);
  archive.field("state", value.state);
  archive.field("text", value.text);
  archive.optional("percent", value.percent);
  archive.field("warning", value.warning);
}

template <class A>
void describe(A& archive, DecisionView& value) {
  archive.required("decision", value.decision);
  archive.required("place", value.place);
}

template <class A>
void describe(A& archive, OperationView& value) {
  archive.required("id", value.id);
  archive.required("kind", value.kind);
  archive.required("vm", value.vm);
  archive.field("target", value.target);
  archive.field("detail", value.detail);
  archive.required("state", value.state);
  archive.field("percent", value.percent);
  archive.field("requester", value.requester);
  archive.field("created", value.created);
  archive.optional("finished", value.finished);
  archive.field("steps", value.steps);
  archive.field("summary", value.summary);
  archive.optional("error", value.error);
  archive.optional("clone", value.clone);
  archive.optional("decision", value.decision);
}

template <class A>
void describe(A& archive, VolumeView& value) {
  archive.required("name", value.name);
  archive.required("vm", value.vm);
  archive.required("device", value.device);
  archive.field("filesystem", value.filesystem);
  archive.field("holder", value.holder);
  archive.field("token", value.token);
  archive.field("attached", value.attached);
  archive.field("problem", value.problem);
  archive.optional("location", value.location);
}

template <class A>
void describe(A& archive, GrantView& value) {
  archive.required("id", value.id);
  archive.required("vm", value.vm);
  archive.required("operations", value.operations);
  archive.required("created", value.created);
  archive.required("until", value.until);
  archive.required("times", value.times);
  archive.field("used", value.used);
  archive.required("by", value.by);
}

template <class A>
void describe(A& archive, ApprovalView& value) {
  archive.required("operation", value.operation);
  archive.required("expires", value.expires);
  archive.field("approvers_needed", value.approvers_needed);
  archive.field("allowed_by", value.allowed_by);
}

template <class A>
void describe(A& archive, AuditEntry& value) {
  archive.required("sequence", value.sequence);
  archive.required("time", value.time);
  archive.required("actor", value.actor);
  archive.required("event", value.event);
  archive.field("operation", value.operation);
  archive.field("detail", value.detail);
  archive.required("previous", value.previous);
  archive.required("hash", value.hash);
}

template <class A>
void describe(A& archive, HealthCheck& value) {
  archive.required("name", value.name);
  archive.required("healthy", value.healthy);
  archive.field("detail", value.detail);
}

template <class A>
void describe(A& archive, PlanView& value) {
  archive.required("kind", value.kind);
  archive.required("vm", value.vm);
  archive.field("target", value.target);
  archive.required("decision", value.decision);
  archive.optional("place", value.place);
  archive.field("steps", value.steps);
}

template <class A>
void describe(A& archive, Accepted& value) {
  archive.optional("operation", value.operation);
  archive.optional("plan", value.plan);
}

template <class A>
void describe(A& archive, CloneListing& value) {
  archive.required("clones", value.clones);
  archive.field("more", value.more);
}

template <class A>
void describe(A& archive, OperationListing& value) {
  archive.required("operations", value.operations);
  archive.field("more", value.more);
}

template <class A>
void describe(A& archive, ApprovalListing& value) {
  archive.required("approvals", value.approvals);
  archive.field("more", value.more);
}

template <class A>
void describe(A& archive, AuditListing& value) {
  archive.required("entries", value.entries);
  archive.field("more", value.more);
  archive.field("last", value.last);
}

template <class A>
void describe(A& archive, CutoverView& value) {
  archive.field("production", value.production);
  archive.field("generation", value.generation);
  archive.optional("probation", value.probation);
  archive.field("volumes", value.volumes);
}

template <class A>
void describe(A& archive, VolumeListing& value) {
  archive.required("volumes", value.volumes);
}

template <class A>
void describe(A& archive, GrantListing& value) {
  archive.required("grants", value.grants);
}

template <class A>
void describe(A& archive, HostHealthReport& value) {
  archive.required("version", value.version);
  archive.required("healthy", value.healthy);
  archive.field("checks", value.checks);
}

template <class A>
void describe(A& archive, QuiesceReport& value) {
  archive.field("hooks", value.hooks);
  archive.field("frozen", value.frozen);
  archive.field("duration_ms", value.duration_ms);
}

template <class A>
void describe(A& archive, ThawReport& value) {
  archive.field("hooks", value.hooks);
  archive.required("was_quiesced", value.was_quiesced);
}

template <class A>
void describe(A& archive, PrepareReport& value) {
  archive.field("hooks", value.hooks);
}

template <class A>
void describe(A& archive, ReleaseReport& value) {
  archive.field("hooks", value.hooks);
  archive.field("was_mounted", value.was_mounted);
}

template <class A>
void describe(A& archive, AcquireReport& value) {
  archive.field("hooks", value.hooks);
  archive.field("mount_point", value.mount_point);
}

template <class A>
void describe(A& archive, GuestHealthReport& value) {
  archive.required("healthy", value.healthy);
  archive.field("checks", value.checks);
}

template <class A>
void describe(A& archive, RunReport& value) {
  archive.required("status", value.status);
  archive.field("output", value.output);
}

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
