#pragma once
// Which VM this is, and whether its memory is being copied, from the XenStore nodes that belong to the reading domain: `domid` and `vm` by the toolstack, `zynclone/...` by
// clone-monitor (docs/architecture.md says which).

#include "guest-agent-core/identity.hpp"
#include "guest-agent-linux/guest_store.hpp"

namespace zynclone::agent {

class XenstoreIdentity final : public IdentitySource {
 public:
  // `store` must watch k_watched.
  explicit XenstoreIdentity(GuestStore& store) : store_(store) {}
  static const std::vector<std::string>& watched();

  asio::awaitable<Result<Identity>> read() override;
  asio::awaitable<Result<void>> changed() override { return store_.changed(); }

 private:
  GuestStore& store_;
};

}  // namespace zynclone::agent
