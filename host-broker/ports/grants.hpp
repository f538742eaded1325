#pragma once
// What an administrator has allowed ahead of time. Real: journal::SqlJournal. Tests: FakeGrants. Whatever returns has been synced.

#include <optional>
#include <vector>

#include "protocol/messages.hpp"
#include "system/async.hpp"

namespace zynclone::broker {

class Grants {
 public:
  virtual ~Grants() = default;

  virtual asio::awaitable<Result<void>> add_grant(protocol::GrantView grant) = 0;

  // Those that may still be used at `now`, oldest first; of one VM, or of all.
  virtual asio::awaitable<Result<std::vector<protocol::GrantView>>> usable_grants(std::optional<VmName> vm, Timestamp now) = 0;

  // Counts one use. Errors: not_found when it is revoked, used up or unknown.
  virtual asio::awaitable<Result<void>> use_grant(OperationId id) = 0;

  // It counts as used up from now on; gives it as it was. Known until its time is over, so that what it has allowed can be found, once more if need be.
  // Errors: not_found.
  virtual asio::awaitable<Result<protocol::GrantView>> revoke_grant(OperationId id) = 0;
};

}  // namespace zynclone::broker
