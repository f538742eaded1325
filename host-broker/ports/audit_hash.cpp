#include "host-broker/ports/journal.hpp"

namespace zynclone::broker {

std::string audit_hash(const protocol::AuditEntry& entry) {
  std::string text;
  for (const std::string& field : {std::to_string(entry.sequence), to_rfc3339(entry.time), entry.actor, entry.event,
                                   entry.operation, entry.detail, entry.previous}) {
    text += std::to_string(field.size()) + ':' + field + '\n';
  }
  return sha256_hex(text);
}

}  // namespace zynclone::broker
