// grant VM PATTERN --until TIME, and below it list and revoke. A VM that is called "list" or "revoke" is named after "--".
#include <limits>
#include <memory>

#include "cli/commands/parse.hpp"
#include "cli/text.hpp"
#include "cli/when.hpp"
#include "host-broker/app/vmclone/commands/commands.hpp"

namespace zynclone::broker::vmclone {
namespace {

constexpr std::uint64_t k_usual_times = 1;
constexpr auto k_not_given = std::numeric_limits<std::uint64_t>::max();

struct GrantValues {
  std::string vm;
  std::string operations;
  std::string until;
  std::uint64_t times = k_not_given;
  std::string listed_vm;
  std::string id;

  // Of what `grant` itself takes, the first that was given.
  std::string given() const {
    for (const std::string& text : {vm, operations}) {
      if (!text.empty()) return text;
    }
    if (!until.empty()) return "--until";
    return times == k_not_given ? std::string() : "--times";
  }
};

Result<void> refuse_before(const GrantValues& values, const std::string& command) {
  const std::string given = values.given();
  if (given.empty()) return outcome::success();
  return fail(Errc::invalid_argument, "cannot use '" + printable(given) + "' before '" + command + "': a VM of that name is named after '--'", command);
}

Result<cli::ExitCode> add(cli::Session& session, const GrantValues& values) {
  for (const auto& [value, place] : {std::pair(values.vm, "VM"), std::pair(values.operations, "PATTERN"), std::pair(values.until, "--until")}) {
    if (!value.empty()) continue;
    return fail(Errc::invalid_argument, "cannot grant anything without " + std::string(place) + ": grant VM PATTERN --until TIME, grant list, grant revoke ID", place);
  }
  protocol::Request envelope;
  TRY(envelope.vm, cli::parse_value<VmName>(values.vm, "VM"));
  auto until = cli::parse_when(values.until, std::chrono::floor<Timestamp::duration>(std::chrono::system_clock::now()));
  if (!until) return fail(until.error().code, until.error().message, "--until");
  const std::uint64_t times = values.times == k_not_given ? k_usual_times : values.times;
  TRY(const auto grant, session.call(protocol::GrantAdd{.operations = values.operations, .until = until.value(), .times = times}, std::move(envelope)));
  session.show(grant, cli::grant_text(grant) + '\n');
  return cli::ExitCode::done;
}

Result<cli::ExitCode> list_grants(cli::Session& session, const GrantValues& values) {
  TRY(refuse_before(values, "list"));
  protocol::Request envelope;
  TRY(envelope.vm, cli::parse_optional_vm(values.listed_vm));
  TRY(const auto listing, session.call(protocol::GrantList{}, std::move(envelope)));
  session.show(listing, cli::grants_text(listing));
  return cli::ExitCode::done;
}

Result<cli::ExitCode> revoke(cli::Session& session, const GrantValues& values) {
  TRY(refuse_before(values, "revoke"));
  TRY(auto id, cli::parse_operation_id(values.id));
  TRY(const auto grant, session.call(protocol::GrantRevoke{std::move(id)}));
  session.show(grant, "revoked: " + cli::grant_text(grant) + '\n');
  return cli::ExitCode::done;
}

}  // namespace

void add_grant(const cli::Command& parent, cli::Session& session) {
  auto values = std::make_shared<GrantValues>();
  // What `grant` needs cannot be declared so: it would be asked for before list and revoke too.
  const cli::Command grant = session.add(parent, "grant", "allow ahead of time what policy would ask about: grant VM PATTERN --until TIME",
                                         [values, &session] { return add(session, *values); });
  grant.optional_argument("VM", values->vm, "the original VM")
      .optional_argument("PATTERN", values->operations, "operations, as in policy: cutover.start, 'cutover.*'")
      .option("--until", values->until, "until then: 06:00, the next one; 2026-11-22T06:00, local time; or RFC 3339")
      .number("--times", values->times, "so often, 1 to 1000 (default: 1)");
  session.add(grant, "list", "list the grants that may still be used", [values, &session] { return list_grants(session, *values); })
      .optional_argument("VM", values->listed_vm, "only this VM's");
  session.add(grant, "revoke", "take a grant back", [values, &session] { return revoke(session, *values); })
      .argument("ID", values->id, "the grant's id");
}

}  // namespace zynclone::broker::vmclone
