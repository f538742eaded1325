#include "cli/text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include "cli/screen.hpp"
#include "protocol/codec.hpp"

namespace zynclone::cli {
namespace {

std::string checks_text(bool healthy, const std::vector<protocol::HealthCheck>& checks) {
  std::string text = healthy ? " is healthy\n" : " is not healthy\n";
  for (const auto& check : checks) {
    text += (check.healthy ? "  ✓ " : "  ✗ ") + printable(check.name);
    if (!check.detail.empty()) text += ": " + printable(check.detail);
    text += '\n';
  }
  return text;
}

}  // namespace

std::string time_text(Timestamp time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  std::array<char, 64> text{};
  std::strftime(text.data(), text.size(), "%F %T", &local);
  return text.data();
}

std::string error_text(const protocol::ErrorView& error) {
  std::string text = printable(error.message) + " (" + printable(error.code);
  if (!error.place.empty()) text += " at " + printable(error.place);
  return text + ")";
}

std::string error_text(const Error& error) {
  return error_text(protocol::ErrorView{std::string(to_string(error.code)), error.message, error.place});
}

std::string table_text(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    if (widths.size() < row.size()) widths.resize(row.size());
    for (std::size_t column = 0; column < row.size(); ++column) widths[column] = std::max(widths[column], width_of(row[column]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t column = 0; column < row.size(); ++column) {
      line += row[column] + std::string(widths[column] - width_of(row[column]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

std::string approvals_text(const protocol::ApprovalListing& listing) {
  if (listing.approvals.empty()) return "nothing awaits approval\n";
  std::vector<std::vector<std::string>> rows{{"OPERATION", "KIND", "VM", "TARGET", "REQUESTER", "ALLOWED", "EXPIRES", "ASKED FOR"}};
  for (const auto& approval : listing.approvals) {
    const auto& operation = approval.operation;
    std::string allowed = std::to_string(approval.allowed_by.size()) + " of " + std::to_string(approval.approvers_needed);
    for (std::size_t i = 0; i < approval.allowed_by.size(); ++i) allowed += (i == 0 ? ": " : ", ") + printable(approval.allowed_by[i]);
    rows.push_back({operation.id.text(), printable(operation.kind), operation.vm.text(), printable(operation.target),
                    printable(operation.requester), allowed, time_text(approval.expires), printable(operation.detail)});
  }
  return table_text(rows);
}

std::string audit_text(const protocol::AuditListing& listing) {
  std::vector<std::vector<std::string>> rows{{"NUMBER", "TIME", "ACTOR", "EVENT", "OPERATION", "DETAIL"}};
  for (const auto& entry : listing.entries) {
    rows.push_back({std::to_string(entry.sequence), time_text(entry.time), printable(entry.actor), printable(entry.event),
                    entry.operation.empty() ? "-" : printable(entry.operation), printable(entry.detail)});
  }
  return table_text(rows);
}

std::string health_text(const protocol::HostHealthReport& report) {
  return "the broker (" + printable(report.version) + ")" + checks_text(report.healthy, report.checks);
}

std::string health_text(const protocol::GuestHealthReport& report, std::string_view member) {
  return "the agent in " + std::string(member) + checks_text(report.healthy, report.checks);
}

}  // namespace zynclone::cli
