#include "tests/support/fake_grants.hpp"

#include <algorithm>

namespace zynclone::tests {

using protocol::GrantView;

asio::awaitable<Result<void>> FakeGrants::add_grant(GrantView grant) {
  grants.push_back(std::move(grant));
  co_return outcome::success();
}

asio::awaitable<Result<std::vector<GrantView>>> FakeGrants::usable_grants(std::optional<VmName> vm, Timestamp now) {
  std::vector<GrantView> usable;
  for (const GrantView& grant : grants) {
    if ((!vm || grant.vm == *vm) && grant.until > now && grant.used < grant.times) usable.push_back(grant);
  }
  co_return usable;
}

asio::awaitable<Result<void>> FakeGrants::use_grant(OperationId id) {
  for (GrantView& grant : grants) {
    if (grant.id != id || grant.used >= grant.times) continue;
    ++grant.used;
    co_return outcome::success();
  }
  co_return fail(Errc::not_found, "cannot use grant '" + id.text() + "': there is none, or none any more");
}

asio::awaitable<Result<GrantView>> FakeGrants::revoke_grant(OperationId id) {
  const auto found = std::find_if(grants.begin(), grants.end(), [&](const GrantView& grant) { return grant.id == id; });
  if (found == grants.end()) co_return fail(Errc::not_found, "cannot revoke grant '" + id.text() + "': there is none");
  const GrantView revoked = *found;
  found->used = found->times;
  co_return revoked;
}

}  // namespace zynclone::tests
