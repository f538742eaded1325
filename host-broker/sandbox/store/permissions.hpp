#pragma once
// Who may do what with a node: as xenstored keeps and checks it (perm_for_conn in xenstored_core.c). Pure.

#include <string>
#include <string_view>
#include <vector>

#include "host-broker/sandbox/store/errors.hpp"
#include "protocol/names.hpp"

namespace zynclone::sandbox {

inline constexpr DomainId k_host_domain{0};
inline bool is_privileged(DomainId domain) { return domain == k_host_domain; }

// Bits, as XS_PERM_* of xenstore_lib.h.
inline constexpr unsigned k_no_access = 0;
inline constexpr unsigned k_may_read = 1;
inline constexpr unsigned k_may_write = 2;
inline constexpr unsigned k_is_owner = 8;

struct NodePermissions {
  struct Entry {
    DomainId domain;
    unsigned access = k_no_access;
    bool ignored = false;  // the domain that was meant is gone; another one with its number gets nothing by this
    bool operator==(const Entry&) const = default;
  };
  std::vector<Entry> entries;  // the first is the owner, with everyone else's access

  DomainId owner() const { return entries.front().domain; }
  unsigned access_of(DomainId domain) const;
  bool operator==(const NodePermissions&) const = default;
};

// As SET_PERMS and GET_PERMS carry them: "n0\0r5\0".
StoreResult<NodePermissions> parse_permissions(std::string_view untrusted_strings);
std::string to_strings(const NodePermissions& permissions);

}  // namespace zynclone::sandbox
