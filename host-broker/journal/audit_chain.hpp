#pragma once
// Is the audit log what was once written? Each entry holds the hash of the one before, so that a change, an insertion or a removal breaks the
// chain from there on. Only that entries were cut off at the end, or all written anew, cannot be seen from inside: for that, keep a mark
// elsewhere and compare.

#include <filesystem>
#include <optional>
#include <string>

#include "host-broker/ports/journal.hpp"

namespace zynclone::broker::journal {

// The last entry that somebody once saw.
struct AuditMark {
  std::uint64_t sequence = 0;
  std::string hash;
};

struct AuditVerdict {
  struct Broken {
    std::uint64_t sequence = 0;    // of the first entry that is not right; 0: the log as a whole
    std::string reason;
  };
  AuditMark last;                  // the last entry that is right; sequence 0 when there is none
  std::optional<Broken> broken;
};

// Pure: takes entries one after the other from the first.
class AuditChain {
 public:
  explicit AuditChain(std::optional<AuditMark> noted = {}) : noted_(std::move(noted)) {}
  // False from the first broken entry on.
  bool take(const protocol::AuditEntry& entry);
  // After the last entry.
  AuditVerdict finish();

 private:
  std::string wrong_with(const protocol::AuditEntry& entry) const;
  std::optional<AuditMark> noted_;
  AuditVerdict verdict_;
};

// Reads a journal's audit log, also while its broker runs: changes nothing, holds no lock between pages of entries. Errors: not_found,
// unsupported_version, those of the database (damage of the file included).
Result<AuditVerdict> verify_audit(const std::filesystem::path& journal_file, std::optional<AuditMark> noted = {});

}  // namespace zynclone::broker::journal
