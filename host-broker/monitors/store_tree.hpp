#pragma once
// A part of XenStore as one value: read whole, and written so that only what differs is touched, for each write wakes whoever
// watches. Inside a transaction, so that nobody sees half of it.

#include <map>
#include <optional>
#include <string>

#include "host-broker/xen/store/xenstore.hpp"

namespace zynclone::broker::monitors {

// Path below the part's root → value; "" is the root itself. A node is there only together with all nodes above it, and what has a value has
// nothing below it: looking there would take as many requests again, each a round trip to xenstored while a till stands still.
using Nodes = std::map<std::string, std::string>;

inline constexpr std::size_t k_most_nodes = 8192;  // of one part: a family of 16 clones with 8 interfaces each has some 1,200

// None: there is no such node. Errors: limit_exceeded for more than k_most_nodes or a tree more than 8 deep.
Result<std::optional<Nodes>> read_tree(xenstore::Transaction& transaction, const std::string& root);

enum class Write {
  differences,
  everything,  // for the sake of permissions, which cannot be compared
};

// Makes the part so, removing what is not in `desired`. Each node written gets the permissions. Gives whether anything was changed.
Result<bool> write_tree(xenstore::Transaction& transaction, const std::string& root, const Nodes& desired,
                        const xenstore::Permissions& permissions, Write how);

// The same, from what is known to stand there, without reading it: as many requests as there are differences.
Result<void> update_tree(xenstore::Transaction& transaction, const std::string& root, const Nodes& known, const Nodes& desired,
                         const xenstore::Permissions& permissions);

// The nodes of `nodes` at and below `path`, as a part of their own.
Nodes below(const Nodes& nodes, const std::string& path);
void put_below(Nodes& nodes, const std::string& path, const Nodes& part);
// Names of the direct children of `path`.
std::vector<std::string> children(const Nodes& nodes, const std::string& path);

}  // namespace zynclone::broker::monitors
