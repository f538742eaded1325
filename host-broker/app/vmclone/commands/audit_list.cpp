#include <algorithm>
#include <limits>
#include <memory>

#include "cli/text.hpp"
#include "host-broker/app/vmclone/commands/commands.hpp"

namespace zynclone::broker::vmclone {
namespace {

constexpr auto k_none = std::numeric_limits<std::uint64_t>::max();

struct AuditValues {
  std::uint64_t last = k_none;
  std::uint64_t after = k_none;
  std::uint64_t limit = k_none;
  bool all = false;
};

// So many entries after `after`, in as many pages as that takes.
Result<protocol::AuditListing> read(cli::Session& session, std::uint64_t after, std::uint64_t most) {
  protocol::AuditListing whole;
  while (whole.entries.size() < most) {
    const auto limit = std::min<std::uint64_t>(most - whole.entries.size(), protocol::k_most_list_entries);
    TRY(auto page, session.call(protocol::AuditList{.after = after, .limit = limit}));
    whole.more = page.more;
    whole.last = page.last;
    if (page.entries.empty()) break;
    // A page that does not go on would be asked for over and over.
    if (page.entries.back().sequence <= after) {
      return fail(Errc::malformed, "cannot list the audit log: the broker's entries are not in order");
    }
    after = page.entries.back().sequence;
    std::move(page.entries.begin(), page.entries.end(), std::back_inserter(whole.entries));
    if (!page.more) break;
  }
  return whole;
}

std::uint64_t or_usual(std::uint64_t number) { return number == k_none ? protocol::k_most_list_entries : number; }

// What would be passed over in silence is refused.
Result<void> check(const AuditValues& values) {
  const auto refuse = [](const std::string& option, const std::string& why) {
    return fail(Errc::invalid_argument, "cannot use " + option + " " + why, option);
  };
  if (values.last != k_none && values.all) return refuse("--last", "with --all: all are listed, however many");
  if (values.last != k_none && values.after != k_none) return refuse("--last", "with --after: it counts from the end; use --limit");
  if (values.limit != k_none && values.all) return refuse("--limit", "with --all: all are listed, however many");
  if (values.limit != k_none && values.after == k_none) return refuse("--limit", "without --after; for the newest use --last");
  return outcome::success();
}

Result<protocol::AuditListing> read_as_asked(cli::Session& session, const AuditValues& values) {
  if (values.all) return read(session, values.after == k_none ? 0 : values.after, k_none);
  if (values.after != k_none) return read(session, values.after, or_usual(values.limit));
  // Nothing comes after the largest number; what the answer tells is the newest entry's.
  TRY(const auto end, session.call(protocol::AuditList{.after = k_none, .limit = 1}));
  const std::uint64_t last = or_usual(values.last);
  return read(session, end.last - std::min(end.last, last), last);
}

Result<cli::ExitCode> list_entries(cli::Session& session, const AuditValues& values) {
  TRY(check(values));
  TRY(const auto listing, read_as_asked(session, values));
  session.show(listing, cli::audit_text(listing));
  return cli::ExitCode::done;
}

}  // namespace

void add_audit_list(const cli::Command& parent, cli::Session& session) {
  auto values = std::make_shared<AuditValues>();
  session.add(parent, "list", "list the newest entries of the audit log, oldest of them first", [values, &session] { return list_entries(session, *values); })
      .number("--last", values->last, "so many of the newest (default: 100)")
      .flag("--all", values->all, "all of them, however many")
      .number("--after", values->after, "the entries after this number instead")
      .number("--limit", values->limit, "with --after, at most so many (default: 100)");
}

}  // namespace zynclone::broker::vmclone
