#pragma once
// What an agent that is killed while it holds the guest at rest must leave to the next one: kept where it survives the agent but not
// the VM. Real: agent::linux FileQuiesceStore. Tests: FakeQuiesceStore.

#include <optional>
#include <string>
#include <vector>

#include "protocol/names.hpp"

namespace zynclone::agent {

struct QuiesceRecord {
  OperationId token;
  std::vector<std::string> mounts;  // that may be frozen
};

// Lines of key=value. Errors of decode: malformed.
std::string encode_quiesce_record(const QuiesceRecord& record);
Result<QuiesceRecord> decode_quiesce_record(std::string_view text);

class QuiesceStore {
 public:
  virtual ~QuiesceStore() = default;
  // Must be there when it returns.
  virtual Result<void> save(const QuiesceRecord& record) = 0;
  // nullopt: none. Errors: malformed, system.
  virtual Result<std::optional<QuiesceRecord>> load() = 0;
  virtual Result<void> clear() = 0;
};

}  // namespace zynclone::agent
