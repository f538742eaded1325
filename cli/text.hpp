#pragma once
// What people read: operations, clones and the rest as lines of text. Pure; everything that a host or a guest said is made printable
// here, so that no terminal sees an escape sequence of theirs. Texts of several lines end with '\n'.

#include <string>
#include <string_view>
#include <vector>

#include "protocol/messages.hpp"

namespace zynclone::cli {

// Local time, "2026-11-21 02:58:59".
std::string time_text(Timestamp time);

// "cannot …: … (not_found at /params/name)"
std::string error_text(const Error& error);
std::string error_text(const protocol::ErrorView& error);

// Columns as wide as their widest cell, two blanks between them, the first row being the heading.
std::string table_text(const std::vector<std::vector<std::string>>& rows);

// "operation 01J… clone.create pos1 → upgrade-1"
std::string heading_text(const protocol::OperationView& operation);
// "  ✓ snapshot …", without '\n'; empty for a step that has no text, because it is not worth a line.
std::string step_text(const protocol::StepView& step);

std::string operation_text(const protocol::OperationView& operation);
std::string operations_text(const protocol::OperationListing& listing);
std::string plan_text(const protocol::PlanView& plan);

std::string clone_text(const protocol::CloneView& clone);
std::string clones_text(const std::vector<protocol::CloneView>& clones);
// With the volumes that its members share.
std::string family_text(const protocol::FamilyView& family, const std::vector<protocol::VolumeView>& volumes = {},
                        const std::vector<protocol::PeripheralView>& peripherals = {});

// "pos1: standby has production, on probation until …"
std::string production_text(const protocol::FamilyView& family);
std::string cutover_text(const protocol::CutoverView& cutover);
std::string volumes_text(const std::vector<protocol::VolumeView>& volumes);
std::string peripherals_text(const std::vector<protocol::PeripheralView>& peripherals);
// "grant 01J…: cutover.* of pos1, 1 time until …", without '\n'.
std::string grant_text(const protocol::GrantView& grant);
std::string grants_text(const protocol::GrantListing& listing);

// Parts of the above, without '\n': "until …, then undone; before it pos1 had production", "sales, xvds: standby has it".
std::string probation_text(const protocol::ProbationView& probation);
std::string volume_text(const protocol::VolumeView& volume);
std::string peripheral_text(const protocol::PeripheralView& peripheral);

std::string approvals_text(const protocol::ApprovalListing& listing);
std::string audit_text(const protocol::AuditListing& listing);
std::string health_text(const protocol::HostHealthReport& report);
// `member`: "pos1" or "pos1/upgrade-1".
std::string health_text(const protocol::GuestHealthReport& report, std::string_view member);

}  // namespace zynclone::cli
