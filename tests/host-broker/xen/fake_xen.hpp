#pragma once
// A pretended Xen for XlToolstack: an `xl` that is a script, and a hypervisor that knows the domains which that script has made. Domains are files
// in one folder, so that both see the same.

#include <set>

#include "host-broker/xen/hypervisor.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::tests {

class FakeHypervisor : public broker::xen::Hypervisor {
 public:
  FakeHypervisor();
  ~FakeHypervisor() override;  // ends the pretended watchers

  asio::awaitable<Result<std::vector<broker::Domain>>> list() override;
  asio::awaitable<Result<broker::xen::DomainMemory>> memory_of(DomainId domain) override;
  asio::awaitable<Result<void>> pause(DomainId domain) override;
  asio::awaitable<Result<void>> unpause(DomainId domain) override;
  asio::awaitable<Result<void>> ask_to_shut_down(DomainId domain) override;
  asio::awaitable<Result<void>> destroy(DomainId domain) override;
  asio::awaitable<Result<void>> wait_for(DomainId domain, broker::xen::Awaited awaited, Deadline limit) override;

  void put(std::uint32_t id, const std::string& uuid, const std::string& name, const std::string& state);  // state: paused, running, shut_down, dying
  // What xl does, in shell, after it made the domain (`make`) and its watcher (`watch`), which are functions that the script may call.
  void xl_does(const std::string& commands);

  std::string xl() const { return (folder_ / "xl").string(); }
  TemporaryFolder& folder() { return folder_; }

  broker::xen::DomainMemory memory{.bytes = 64ull << 20, .kind = broker::xen::DomainKind::pvh};
  std::vector<std::string> calls;        // "destroy 7"
  std::map<std::string, Error> failures; // by the call's first word
  bool guests_obey = true;               // a guest that is asked shuts down
  bool watcher_clears_up = true;         // and xl's watcher destroys it then

 private:
  Result<void> begin(const std::string& verb, DomainId domain);
  void set_state(DomainId domain, const std::string& state);
  std::string state_of(DomainId domain) const;  // empty: not there
  void erase(DomainId domain);

  TemporaryFolder folder_;
};

}  // namespace zynclone::tests
