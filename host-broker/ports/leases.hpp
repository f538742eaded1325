#pragma once
// Who may use what only one may use: production of a family, a shared volume. A lease's token is a fencing token: it grows with each that is
// given, so that what still acts for an older one can be told and refused. Real: journal::SqlJournal; later etcd, whose revision is the token.
// Whatever returns has been synced.

#include <optional>
#include <string>
#include <vector>

#include "protocol/names.hpp"
#include "system/async.hpp"

namespace zynclone::broker {

struct Lease {
  std::string resource;        // production_of(family), volume_of(family, name)
  std::optional<Uuid> holder;  // a member's UUID; none: nobody has it
  std::uint64_t token = 0;     // 0: nobody ever had it
};

class Leases {
 public:
  virtual ~Leases() = default;

  // As it is; with token 0 and no holder where nothing was ever given.
  virtual asio::awaitable<Result<Lease>> find_lease(std::string resource) = 0;

  // Gives the lease to `holder` (none: takes it back), with the next token, if its token still is `token`. Errors: conflict, with holder and
  // token as they are, when it is not.
  virtual asio::awaitable<Result<Lease>> pass_lease(std::string resource, std::uint64_t token, std::optional<Uuid> holder) = 0;
};

// Who has it: what was never given is the original's.
std::optional<Uuid> holder_of(const Lease& lease, const Uuid& original);

std::string production_of(const Uuid& family);
std::string volume_of(const Uuid& family, const VolumeName& volume);

}  // namespace zynclone::broker
