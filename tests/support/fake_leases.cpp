#include "tests/support/fake_leases.hpp"

namespace zynclone::tests {

using broker::Lease;

Lease FakeLeases::lease_of(const std::string& resource) const {
  const auto found = leases.find(resource);
  return found == leases.end() ? Lease{.resource = resource, .holder = {}, .token = 0} : found->second;
}

asio::awaitable<Result<Lease>> FakeLeases::find_lease(std::string resource) { co_return lease_of(resource); }

asio::awaitable<Result<Lease>> FakeLeases::pass_lease(std::string resource, std::uint64_t token, std::optional<Uuid> holder) {
  const std::string call = "pass_lease " + resource + ' ' + std::to_string(token) + ' ' + (holder ? holder->text() : "-");
  calls.push_back(call);
  if (fails) {
    if (auto error = fails(call)) co_return *error;
  }
  Lease lease = lease_of(resource);
  if (lease.token != token) {
    co_return fail(Errc::conflict, "cannot pass lease '" + resource + "': " +
                                       (lease.holder ? "'" + lease.holder->text() + "' holds it" : std::string("nobody holds it")) +
                                       " with token " + std::to_string(lease.token) + ", not " + std::to_string(token));
  }
  ++lease.token;
  lease.holder = std::move(holder);
  leases[resource] = lease;
  co_return lease;
}

}  // namespace zynclone::tests
