#include "host-broker/journal/audit_chain.hpp"

#include "host-broker/journal/audit_table.hpp"
#include "host-broker/journal/schema.hpp"

namespace zynclone::broker::journal {
namespace {

constexpr std::size_t k_page = 1000;  // entries in memory at a time

}  // namespace

std::string AuditChain::wrong_with(const protocol::AuditEntry& entry) const {
  const std::uint64_t expected = verdict_.last.sequence + 1;
  if (entry.sequence != expected) return "entry " + std::to_string(expected) + " is missing before it";
  const std::string before = verdict_.last.sequence == 0 ? std::string(64, '0') : verdict_.last.hash;
  if (entry.previous != before) return "it does not follow the entry before: the hash it holds of that is another";
  if (entry.hash != audit_hash(entry)) return "it was changed: its hash does not fit its fields";
  if (noted_ && noted_->sequence == entry.sequence && noted_->hash != entry.hash) return "it is not the entry that was noted";
  return "";
}

bool AuditChain::take(const protocol::AuditEntry& entry) {
  if (verdict_.broken) return false;
  std::string reason = wrong_with(entry);
  if (!reason.empty()) {
    verdict_.broken = AuditVerdict::Broken{entry.sequence, std::move(reason)};
    return false;
  }
  verdict_.last = {entry.sequence, entry.hash};
  return true;
}

AuditVerdict AuditChain::finish() {
  if (!verdict_.broken && noted_ && noted_->sequence > verdict_.last.sequence) {
    verdict_.broken = AuditVerdict::Broken{verdict_.last.sequence + 1, "entries up to the noted " + std::to_string(noted_->sequence) +
                                                                           " are missing at the end"};
  }
  return verdict_;
}

Result<AuditVerdict> verify_audit(const std::filesystem::path& journal_file, std::optional<AuditMark> noted) {
  TRY(auto database, SqliteDatabase::open(journal_file, OpenAs::reader));
  TRY(check_schema(*database));
  AuditChain chain(std::move(noted));
  try {
    std::uint64_t after = 0;
    while (true) {
      const auto page = read_audit(database->session(), after, k_page);
      for (const protocol::AuditEntry& entry : page) {
        if (!chain.take(entry)) return chain.finish();
      }
      if (page.size() < k_page) break;
      after = page.back().sequence;
    }
    AuditVerdict verdict = chain.finish();
    if (!verdict.broken && !database->is_append_only("audit", "sequence")) {
      verdict.broken = AuditVerdict::Broken{0, "the triggers that refuse changes of entries were removed"};
    }
    return verdict;
  } catch (const soci::soci_error& cause) {
    return database->error("read", cause);
  }
}

}  // namespace zynclone::broker::journal
