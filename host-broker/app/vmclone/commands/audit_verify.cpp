#include <algorithm>
#include <charconv>
#include <memory>

#include "cli/text.hpp"
#include "host-broker/app/vmclone/commands/commands.hpp"
#include "host-broker/app/vmclone/json_lines.hpp"
#include "host-broker/journal/audit_chain.hpp"

namespace zynclone::broker::vmclone {
namespace {

// "17:<hash>", as this command shows the last entry.
Result<std::optional<journal::AuditMark>> parse_mark(const std::string& text) {
  if (text.empty()) return std::optional<journal::AuditMark>();
  const std::size_t colon = text.find(':');
  journal::AuditMark mark;
  const auto number = std::from_chars(text.data(), text.data() + std::min(colon, text.size()), mark.sequence);
  if (colon != std::string::npos) mark.hash = text.substr(colon + 1);
  const bool is_hash = mark.hash.size() == 64 && mark.hash.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (number.ec != std::errc() || number.ptr != text.data() + colon || mark.sequence == 0 || !is_hash) {
    return fail(Errc::invalid_argument, "cannot use mark '" + printable(text) + "': expected NUMBER:HASH as 'vmclone audit verify' shows it", "--mark");
  }
  return std::optional<journal::AuditMark>(std::move(mark));
}

std::string mark_text(const journal::AuditMark& mark) {
  return std::to_string(mark.sequence) + ":" + mark.hash;
}

std::string text_of(const journal::AuditVerdict& verdict) {
  if (verdict.last.sequence == 0) return verdict.broken ? "" : "the audit log is empty\n";
  return std::string("the audit log is right up to entry ") + std::to_string(verdict.last.sequence) + "; mark " + mark_text(verdict.last) + '\n';
}

Result<cli::ExitCode> verify(cli::Session& session, const HostFiles& files, const std::string& mark) {
  TRY(const auto noted, parse_mark(mark));
  TRY(const auto settings, files.settings());
  TRY(const auto verdict, journal::verify_audit(settings.journal_file(), noted));
  if (session.json()) {
    JsonObject object;
    object.boolean("right", !verdict.broken).number("last", verdict.last.sequence).text("mark", mark_text(verdict.last));
    if (verdict.broken) object.number("broken", verdict.broken->sequence).text("reason", verdict.broken->reason);
    session.write_json(object.str());
  } else {
    session.screen().write(text_of(verdict));
    if (verdict.broken) {
      const std::string what = verdict.broken->sequence == 0 ? "the audit log" : "entry " + std::to_string(verdict.broken->sequence) + " of the audit log";
      session.screen().write_error("vmclone: cannot trust " + what + ": " + printable(verdict.broken->reason));
    }
  }
  return verdict.broken ? cli::ExitCode::failed : cli::ExitCode::done;
}

}  // namespace

void add_audit_verify(const cli::Command& parent, cli::Session& session, HostFiles& files) {
  auto mark = std::make_shared<std::string>();
  add_local(parent, session, files, "verify", "check that no entry of the audit log was changed or removed",
            [mark, &session, &files] { return verify(session, files, *mark); })
      .option("--mark", *mark, "a mark that an earlier verify showed, kept elsewhere: notices a log that was cut or written anew");
}

}  // namespace zynclone::broker::vmclone
