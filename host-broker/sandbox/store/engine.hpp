#pragma once
// The pretended xenstored without its sockets: takes requests of clients, changes the tree, fires watches, knows the domains. By
// docs/misc/xenstore.txt and C xenstored 4.17. Owned by the server; one thread.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "host-broker/sandbox/store/session.hpp"
#include "host-broker/sandbox/store/tree.hpp"
#include "host-broker/sandbox/store/wire.hpp"

namespace zynclone::sandbox {

class StoreEngine {
 public:
  StoreEngine();

  // Handles one request and queues its reply in the session, and events in all sessions that watch.
  void handle(StoreSession& session, const StoreMessage& untrusted_request);

  // As the toolstack: introduces (@introduceDomain) and releases (@releaseDomain; what the domain owned goes with it). A domain must be
  // added before nodes can be made for it, and is introduced when they are there.
  void add_domain(DomainId domain) { tree_.add_domain(domain); }
  void introduce(DomainId domain);
  void release(DomainId domain);
  bool is_introduced(DomainId domain) const { return introduced_.contains(domain); }

  // As domain 0, for the program that hosts this store. Errors: xen, with the errno's name.
  Result<std::string> read(const std::string& path);
  Result<void> write(const std::string& path, std::string_view value);
  Result<void> write(const std::string& path, std::string_view value, NodePermissions permissions);
  Result<void> remove(const std::string& path);

  // Told of each changed path, in the middle of the change: it may only make a note.
  void on_change(std::function<void(const std::string& path)> observer) { observer_ = std::move(observer); }

  // Told when a domain is released, so that its clients can be disconnected.
  void on_release(std::function<void(DomainId)> observer) { release_observer_ = std::move(observer); }

  const StoreTree& tree() const { return tree_; }

 private:
  friend class StoreSession;
  void add(StoreSession& session) { sessions_.push_back(&session); }
  void remove(StoreSession& session) { std::erase(sessions_, &session); }

  using Reply = StoreResult<std::string>;  // a payload
  Reply answer(StoreSession& session, const StoreMessage& request);
  Reply dispatch(StoreSession& session, Actor actor, const StoreMessage& request);
  Reply read_node(Actor actor, std::string_view payload);
  Reply list(Actor actor, std::string_view payload);
  Reply list_part(Actor actor, std::string_view payload);
  Reply get_permissions(Actor actor, std::string_view payload);
  Reply set_permissions(Actor actor, std::string_view payload);
  Reply set_special_permissions(Actor actor, const std::string& name, NodePermissions permissions);
  Reply write_node(Actor actor, std::string_view payload);
  Reply watch(StoreSession& session, std::string_view payload);
  Reply unwatch(StoreSession& session, std::string_view payload);
  Reply start_transaction(StoreSession& session);
  Reply end_transaction(StoreSession& session, const StoreMessage& request);
  Reply introduce_on_request(std::string_view payload);
  Reply release_on_request(std::string_view payload);
  Reply acknowledge(StoreResult<Changes> changes);

  void fire(const Changes& changes);
  void fire_special(const std::string& name);
  std::size_t count_of_watches(DomainId domain) const;
  std::size_t count_of_transactions(DomainId domain) const;

  StoreTree tree_;
  std::vector<StoreSession*> sessions_;
  std::set<DomainId> introduced_{k_host_domain};
  std::map<std::string, NodePermissions> special_;  // who may watch @introduceDomain and @releaseDomain
  std::function<void(const std::string&)> observer_;
  std::function<void(DomainId)> release_observer_;
};

}  // namespace zynclone::sandbox
