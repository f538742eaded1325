#pragma once
// What an agent must know of the identity that this guest was given after it was restarted: for which call it was applied, and what was answered.
// Kept where it survives the agent but not the VM. Real: agent::linux FileIdentityStore. Tests: FakeIdentityStore.

#include <optional>
#include <string>

#include "protocol/names.hpp"

namespace zynclone::agent {

struct IdentityRecord {
  OperationId token;
  unsigned hooks = 0;  // of the answer
  bool operator==(const IdentityRecord&) const = default;
};

// Lines of key=value. Errors of decode: malformed.
std::string encode_identity_record(const IdentityRecord& record);
Result<IdentityRecord> decode_identity_record(std::string_view text);

class IdentityStore {
 public:
  virtual ~IdentityStore() = default;
  // Must be there when it returns.
  virtual Result<void> save(const IdentityRecord& record) = 0;
  // nullopt: none. Errors: malformed, system.
  virtual Result<std::optional<IdentityRecord>> load() = 0;
};

}  // namespace zynclone::agent
