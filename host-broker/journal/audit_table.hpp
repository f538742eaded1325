#pragma once
// The audit log's table: appends entries in a chain of hashes, and reads them. Calls stand inside the caller's transaction and throw
// soci_error; sql_store.cpp turns that into a Result. One thread.

#include <soci/soci.h>

#include "host-broker/ports/journal.hpp"

namespace zynclone::broker::journal {

class AuditTable {
 public:
  explicit AuditTable(soci::session& session);

  void append(const AuditNote& note, Timestamp time);
  // After each transaction: what was appended in it is there, or is not.
  void committed() { tail_ = next_; }
  void rolled_back() { next_ = tail_; }

 private:
  struct Tail {
    long long sequence = 0;
    std::string hash;
  };
  struct Row {
    long long sequence = 0;
    long long time = 0;
    std::string actor, event, operation, detail, previous, hash;
  };
  soci::session& session_;
  Tail tail_;   // the last entry that was committed
  Tail next_;   // the last entry of this transaction
  Row row_;     // what insert_ is bound to
  soci::statement insert_;
};

// Entries after `after`, oldest first; needs no AuditTable, so that a reader may use it.
std::vector<protocol::AuditEntry> read_audit(soci::session& session, std::uint64_t after, std::size_t most);
// The newest entry's number; 0 when there is none.
std::uint64_t last_audit_entry(soci::session& session);

}  // namespace zynclone::broker::journal
