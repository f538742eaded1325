#include "host-broker/journal/audit_table.hpp"

namespace zynclone::broker::journal {
namespace {

const std::string k_before_the_first(64, '0');

}  // namespace

AuditTable::AuditTable(soci::session& session)
    : session_(session),
      insert_((session_.prepare << "insert into audit (sequence, time, actor, event, operation, detail, previous, hash)"
                                   " values (:sequence, :time, :actor, :event, :operation, :detail, :previous, :hash)",
               soci::use(row_.sequence, "sequence"), soci::use(row_.time, "time"), soci::use(row_.actor, "actor"),
               soci::use(row_.event, "event"), soci::use(row_.operation, "operation"), soci::use(row_.detail, "detail"),
               soci::use(row_.previous, "previous"), soci::use(row_.hash, "hash"))) {
  tail_.hash = k_before_the_first;
  soci::statement last = (session_.prepare << "select sequence, hash from audit order by sequence desc limit 1",
                          soci::into(tail_.sequence), soci::into(tail_.hash));
  last.execute();
  while (last.fetch()) {
  }
  next_ = tail_;
}

void AuditTable::append(const AuditNote& note, Timestamp time) {
  protocol::AuditEntry entry{.sequence = static_cast<std::uint64_t>(next_.sequence) + 1,
                             .time = time,
                             .actor = note.actor,
                             .event = note.event,
                             .operation = note.operation,
                             .detail = note.detail,
                             .previous = next_.hash};
  entry.hash = audit_hash(entry);
  row_ = {.sequence = static_cast<long long>(entry.sequence), .time = time.time_since_epoch().count(), .actor = entry.actor,
          .event = entry.event, .operation = entry.operation, .detail = entry.detail, .previous = entry.previous, .hash = entry.hash};
  insert_.execute(true);
  next_ = {row_.sequence, row_.hash};
}

std::vector<protocol::AuditEntry> read_audit(soci::session& session, std::uint64_t after, std::size_t most) {
  std::vector<protocol::AuditEntry> entries;
  long long sequence = 0;
  long long time = 0;
  protocol::AuditEntry entry;
  const auto first = static_cast<long long>(std::min<std::uint64_t>(after, std::numeric_limits<long long>::max()));
  const auto limit = static_cast<long long>(std::min<std::size_t>(most, 10'000));
  soci::statement select =
      (session.prepare << "select sequence, time, actor, event, operation, detail, previous, hash from audit"
                          " where sequence > :after order by sequence limit :most",
       soci::into(sequence), soci::into(time), soci::into(entry.actor), soci::into(entry.event), soci::into(entry.operation),
       soci::into(entry.detail), soci::into(entry.previous), soci::into(entry.hash), soci::use(first, "after"), soci::use(limit, "most"));
  select.execute();
  while (select.fetch()) {
    entry.sequence = static_cast<std::uint64_t>(sequence);
    entry.time = Timestamp(std::chrono::milliseconds(time));
    entries.push_back(entry);
  }
  return entries;
}

std::uint64_t last_audit_entry(soci::session& session) {
  long long last = 0;
  session << "select coalesce(max(sequence), 0) from audit", soci::into(last);
  return static_cast<std::uint64_t>(last);
}

}  // namespace zynclone::broker::journal
