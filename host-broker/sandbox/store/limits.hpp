#pragma once
// What a pretended guest may use of XenStore: the defaults of C xenstored 4.17 (xenstored_core.c). Domain 0 is exempt from all that
// is counted by domain.

#include <cstddef>

namespace zynclone::sandbox {

inline constexpr std::size_t k_most_nodes = 1000;               // that a domain owns
inline constexpr std::size_t k_most_watches = 128;              // of a domain
inline constexpr std::size_t k_most_transactions = 10;          // of a domain, open at once
inline constexpr std::size_t k_most_transaction_nodes = 1024;   // that one transaction has looked at
inline constexpr std::size_t k_most_permissions = 5;            // of a node, the owner's with them
inline constexpr std::size_t k_largest_node = 2048;             // bytes: header, permissions, value, names of children
inline constexpr std::size_t k_most_outstanding_replies = 20;   // that a connection has not read; no request is read meanwhile

// Ours, where xenstored counts memory or has the one ring of a guest: a socket may be connected to many times.
inline constexpr std::size_t k_most_event_bytes = 256 * 1024;   // of unread events on a guest's connection; further ones are lost
inline constexpr std::size_t k_most_connections = 64;           // of one guest

}  // namespace zynclone::sandbox
