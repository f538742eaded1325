#include <algorithm>
#include <memory>

#include "cli/text.hpp"
#include "host-broker/app/vmclone/commands/commands.hpp"

namespace zynclone::broker::vmclone {
namespace {

struct Values {
  std::uint64_t after = 0;
  std::uint64_t limit = protocol::k_most_list_entries;
  bool all = false;
};

// With --all as many pages as there are.
Result<cli::ExitCode> list(cli::Session& session, const Values& values) {
  protocol::AuditListing whole;
  std::uint64_t after = values.after;
  for (;;) {
    const auto limit = values.all ? protocol::k_most_list_entries : values.limit;
    TRY(auto page, session.call(protocol::AuditList{.after = after, .limit = limit}));
    const bool last = page.entries.empty() || !values.all;
    // A page that does not go on would be asked for over and over.
    if (!page.entries.empty() && page.entries.back().sequence <= after) {
      return fail(Errc::malformed, "cannot list the audit log: the broker's entries are not in order");
    }
    if (!page.entries.empty()) after = page.entries.back().sequence;
    std::move(page.entries.begin(), page.entries.end(), std::back_inserter(whole.entries));
    if (last) break;
  }
  session.show(whole, cli::audit_text(whole));
  return cli::ExitCode::done;
}

}  // namespace

void add_audit_list(const cli::Command& parent, cli::Session& session) {
  auto values = std::make_shared<Values>();
  session.add(parent, "list", "list entries of the audit log, oldest first", [values, &session] { return list(session, *values); })
      .number("--after", values->after, "only entries after this number")
      .number("--limit", values->limit, "at most so many (default and most: 100)")
      .flag("--all", values->all, "all of them, however many");
}

}  // namespace zynclone::broker::vmclone
