#pragma once
// As protocol/descriptions.hpp, of the structs of protocol/views.hpp.

#include "protocol/fields.hpp"
#include "protocol/views.hpp"

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
  archive.field("network", value.network);
  archive.field("awaits_identity", value.awaits_identity);
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
  archive.field("peripherals", value.peripherals);
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
void describe(A& archive, VifIdentity& value) {
  archive.required("index", value.index);
  archive.required("mac", value.mac);
}

template <class A>
void describe(A& archive, PeripheralView& value) {
  archive.required("name", value.name);
  archive.required("vm", value.vm);
  archive.required("kind", value.kind);
  archive.field("device", value.device);
  archive.field("present", value.present);
  archive.field("holder", value.holder);
  archive.field("problem", value.problem);
  archive.optional("location", value.location);
}

template <class A>
void describe(A& archive, PeripheralListing& value) {
  archive.field("peripherals", value.peripherals);
}

template <class A>
void describe(A& archive, IdentityReport& value) {
  archive.field("hooks", value.hooks);
}

}  // namespace zynclone::protocol
