#pragma once
// What the network interfaces of domains may send and receive at their backend, as one whole desired state that is put in force at
// once or not at all. Real: NftablesFilter. Sandbox: PretendedFilter. Calls block and belong into a thread pool, one at a time.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/messages.hpp"
#include "system/async.hpp"

namespace zynclone::broker::network {

// One interface, by its name at the backend; its emulated twin, "<interface>-emu" where that fits into the kernel's 15 characters, is
// treated the same. The interface need not exist. Addresses and MAC count, and are kept, only when it is locked.
//
// unlocked: everything passes. disabled: nothing does, in either direction. locked, after XAPI's locking modes:
//   from it: source MAC `mac`; ARP with that MAC and a listed IPv4 address as sender; IPv4 and IPv6 from a listed address; neighbour
//     advertisements of listed addresses only; probes for a listed address (ARP from 0.0.0.0, neighbour solicitation from ::).
//     DHCP requests from 0.0.0.0 only where 0.0.0.0 is listed (XAPI lets them always pass). Never: VLAN tags, other Ethernet types,
//     router advertisements, redirects, a DHCP server's answers.
//   to it: IPv4, ARP, IPv6 addressed to `mac` or to a group.
// A link-local IPv6 address passes only where it is listed, like any other.
// isolated: to and from other interfaces of that reach only, not the host's own either. Whose they are is the bridge's matter (isolated_bridges.hpp).
enum class Reach { everywhere, isolated };

// Of an HVM guest, until its own driver comes: after the name of the interface that it stands for.
inline constexpr std::string_view k_emulated_twin = "-emu";

struct VifRule {
  std::string interface;
  protocol::VifMode mode = protocol::VifMode::disabled;
  std::string mac;
  std::vector<std::string> ipv4;
  std::vector<std::string> ipv6;
  Reach reach = Reach::everywhere;  // isolated: only with VifMode::unlocked

  friend bool operator==(const VifRule&, const VifRule&) = default;
};

// What happens to an interface that looks like a domain's (vif*) and that no rule names. `hold`: nothing passes, in either direction.
// It keeps a restricted VM silent that comes back under a new domain id, and thus a new interface name, until that has its rule.
enum class UnknownVifs { pass, hold };

struct FilterState {
  UnknownVifs unknown = UnknownVifs::pass;
  std::vector<VifRule> rules;

  friend bool operator==(const FilterState&, const FilterState&) = default;
};

// [A-Za-z0-9][A-Za-z0-9._-]{0,14}, not ending in "-emu". Errors: invalid_argument.
Result<std::string> parse_interface_name(std::string_view untrusted_text);
// In the form of inet_ntop(3). "::" is no source address and refused. Errors: invalid_argument.
Result<std::string> parse_ipv4(std::string_view untrusted_text);
Result<std::string> parse_ipv6(std::string_view untrusted_text);

// The same state with everything checked and in one order and spelling, so that equal states compare equal. Errors: invalid_argument for
// a name, a MAC or an address that is none, a locked interface with no MAC, an interface named twice.
Result<FilterState> checked(FilterState untrusted_state);

// Does anything of the host's go to this interface by this state? `state` must be `checked`.
bool may_receive(const FilterState& state, const std::string& interface);

class VifFilter {
 public:
  virtual ~VifFilter() = default;

  // Puts the state in force, whole, in place of what was; after an error what was is in force still. Errors: as `checked`, system.
  virtual Result<void> apply(const FilterState& desired) = 0;

  // What is in force, as it stands where it is enforced; none where it is not exactly what `apply` of some state makes.
  virtual Result<std::optional<FilterState>> in_force() = 0;

  // Waits until something may have changed what is in force: a hint, `apply` itself causes one too. On the caller's executor.
  virtual asio::awaitable<Result<void>> changed() = 0;
};

}  // namespace zynclone::broker::network
