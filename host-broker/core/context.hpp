#pragma once
// What the makers of operations work with. One for each making; copied into steps.

#include "host-broker/core/ports.hpp"
#include "host-broker/core/registry.hpp"
#include "host-broker/core/step.hpp"

namespace zynclone::broker {

struct Context {
  Ports ports;
  CoreSettings settings;
  Registry& registry;
  OperationRecord record;
  Making making = Making::fresh;
};

// The family the operation is for. Errors: not_found.
Result<const Family*> family_of(const Context& context);
// The clone of this name in it. Errors: not_found.
Result<const Clone*> clone_of(const Context& context, const CloneName& name);
// Nobody pulls away the member that works for the shop, or that may yet have to: `verb` begins the error. Errors: conflict.
Result<void> check_not_working(const Context& context, const Clone& clone, std::string_view verb);
// The domain with this UUID, if it runs. Errors: xen.
asio::awaitable<Result<std::optional<Domain>>> domain_of(Context context, Uuid uuid);
// Which member of the family the domain is; none: a stranger.
std::optional<Uuid> member_of(const Family& family, const std::vector<Domain>& domains, DomainId domain);
// Until the agent of this VM has its channel, for `limit` at most.
asio::awaitable<void> wait_connected(Context context, Uuid member, Deadline limit);

// "pos1.upgrade-1": what a clone's domain is called.
std::string domain_name(const VmName& vm, const CloneName& clone);
// The last part of a path: a guest is not shown where the host keeps its volumes.
std::string base_name(const std::string& path);
// "interfaces 0 disabled (mask 0x0)": what they may do while the clone runs, for people.
std::string interfaces_text(const Family& family, const Clone& clone);

}  // namespace zynclone::broker
