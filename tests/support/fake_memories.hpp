#pragma once
// Memory images in memory, of a FakeToolstack's domains: saved ones are paused as real ones are. State is open to the test; failures can be ordered.

#include <functional>
#include <map>

#include "host-broker/ports/memories.hpp"
#include "tests/support/fake_toolstack.hpp"

namespace zynclone::tests {

class FakeMemories : public broker::Memories {
 public:
  explicit FakeMemories(FakeToolstack& toolstack) : toolstack_(toolstack) {}

  asio::awaitable<Result<void>> check_room(DomainId domain) override;
  asio::awaitable<Result<Deadline>> begin_save(DomainId domain, std::string image, Progress progress) override;
  asio::awaitable<Result<broker::SavedMemory>> finish_save(DomainId domain) override;
  asio::awaitable<Result<void>> let_go(DomainId domain) override;
  std::string file_of(const std::string& image) const override { return "/memory/" + image; }
  asio::awaitable<Result<void>> remove(std::string image) override;
  Result<std::vector<std::string>> images() const override;

  std::map<std::string, DomainId> kept;                                // image → whose memory
  std::vector<std::string> calls;                                      // "check_room", "begin_save", "finish_save", "let_go", "remove"
  std::function<std::optional<Error>(const std::string& call)> fails;  // asked before each call

 private:
  Result<broker::Domain*> find(DomainId domain);
  Result<void> begin(std::string call);
  FakeToolstack& toolstack_;
};

}  // namespace zynclone::tests
