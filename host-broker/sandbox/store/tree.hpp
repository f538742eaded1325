#pragma once
// The nodes of the pretended XenStore: a data structure without sockets, with permissions, quotas and transactions as in C
// xenstored 4.17. Owned by StoreEngine; one thread. Nodes never change once they are in the tree: a change puts a new one, so
// that two pictures of a node are the same if their pointers are.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "host-broker/sandbox/store/permissions.hpp"

namespace zynclone::sandbox {

struct Node {
  NodePermissions permissions;
  std::string value;
  std::set<std::string> children;  // names
  std::uint64_t generation = 0;    // of this node: DIRECTORY_PART's reader begins again when it has changed
};
using NodePointer = std::shared_ptr<const Node>;  // null: there is no such node

// A change that watches are told of.
struct Change {
  std::string path;
  bool exact = false;                        // only to watches of this very path: a node that went with its parent
  std::vector<NodePermissions> readable_by;  // who may read by any of these may know
};
using Changes = std::vector<Change>;

// A transaction's own picture of the nodes that it has looked at, and what it changed.
class StoreTransaction {
 private:
  friend class StoreTree;
  struct Accessed {
    NodePointer original;
    NodePointer current;
    bool modified = false;
    bool told = false;   // watches are told at the commit
    bool exact = false;
  };
  std::map<std::string, Accessed> nodes_;
  std::vector<std::string> order_;              // of first access
  std::map<DomainId, std::int64_t> ownership_;  // nodes more or less by domain
  bool failed_ = false;
};

// Who acts, and in which of its transactions (null: in none).
struct Actor {
  DomainId domain;
  StoreTransaction* transaction = nullptr;
};

class StoreTree {
 public:
  StoreTree();

  // The node, if `actor` may read it. Errors of all: invalid for the path; no_entry, or no_access where the actor may not even know.
  StoreResult<NodePointer> read(Actor actor, const std::string& path);

  // What changed; nothing in a transaction, where it is kept for the commit. Errors: no_space over a quota.
  StoreResult<Changes> write(Actor actor, const std::string& path, std::string_view value);
  StoreResult<Changes> make(Actor actor, const std::string& path);    // one that is there stays as it is
  StoreResult<Changes> remove(Actor actor, const std::string& path);  // with all below; no error if just the node is not there
  // Errors: no_entry for an owner that is no domain; not_permitted when a guest gives its node away.
  StoreResult<Changes> set_permissions(Actor actor, const std::string& path, NodePermissions permissions);

  // Errors: conflict when a node that the transaction looked at has changed meanwhile.
  StoreResult<Changes> commit(DomainId domain, StoreTransaction& transaction);

  // A domain must be there before it can own or be granted anything. With it go its nodes and what others granted it.
  void add_domain(DomainId domain) { domains_.insert(domain); }
  Changes remove_domain(DomainId domain);
  bool has_domain(DomainId domain) const { return domains_.contains(domain); }

  std::size_t nodes_owned_by(DomainId domain) const;

 private:
  NodePointer find(const std::string& path) const;
  StoreResult<NodePointer> look(Actor actor, const std::string& path);
  StoreResult<NodePointer> get(Actor actor, const std::string& path, unsigned access);
  StoreResult<unsigned> access_of_nearest(Actor actor, std::string path);
  void put(Actor actor, const std::string& path, NodePointer node);
  StoreResult<void> check_size(Actor actor, const Node& node) const;
  StoreResult<void> create(Actor actor, const std::string& path, std::string_view value);
  Changes changed(Actor actor, const std::string& path, bool exact, NodePointer old = nullptr);
  StoreResult<std::vector<std::string>> subtree(Actor actor, const std::string& path);
  StoreResult<Changes> remove_subtree(Actor actor, const std::string& path);
  void disregard_grants_to(DomainId domain);

  std::unordered_map<std::string, NodePointer> nodes_;
  std::map<DomainId, std::int64_t> ownership_;
  std::set<DomainId> domains_{k_host_domain};
  std::uint64_t generation_ = 0;
};

}  // namespace zynclone::sandbox
