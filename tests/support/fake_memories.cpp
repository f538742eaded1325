#include "tests/support/fake_memories.hpp"

#include <algorithm>

namespace zynclone::tests {

using broker::Domain;
using broker::DomainState;

Result<void> FakeMemories::begin(std::string call) {
  calls.push_back(call);
  if (fails) {
    if (auto error = fails(call)) return outcome::failure(std::move(*error));
  }
  return outcome::success();
}

Result<Domain*> FakeMemories::find(DomainId id) {
  auto& domains = toolstack_.domains;
  const auto found = std::find_if(domains.begin(), domains.end(), [&](const Domain& domain) { return domain.id == id; });
  if (found == domains.end()) return fail(Errc::not_found, "cannot find domain " + std::to_string(id.value));
  return &*found;
}

asio::awaitable<Result<void>> FakeMemories::check_room(DomainId domain) {
  CO_TRY(find(domain));
  co_return begin("check_room");
}

// As a real one that fails: the domain runs, and nothing is left.
asio::awaitable<Result<Deadline>> FakeMemories::begin_save(DomainId id, std::string image, Progress progress) {
  CO_TRY(Domain* domain, find(id));
  kept.erase(image);
  CO_TRY(begin("begin_save"));
  if (progress) progress(50);
  domain->state = DomainState::paused;
  kept[image] = id;
  co_return Deadline(std::chrono::milliseconds(400));
}

asio::awaitable<Result<broker::SavedMemory>> FakeMemories::finish_save(DomainId) {
  CO_TRY(begin("finish_save"));
  co_return broker::SavedMemory{.size = 256ull << 20};
}

asio::awaitable<Result<void>> FakeMemories::let_go(DomainId id) {
  CO_TRY(begin("let_go"));
  const auto domain = find(id);
  if (domain && domain.value()->state == DomainState::paused) domain.value()->state = DomainState::running;
  co_return outcome::success();
}

asio::awaitable<Result<void>> FakeMemories::remove(std::string image) {
  CO_TRY(begin("remove"));
  kept.erase(image);
  co_return outcome::success();
}

Result<std::vector<std::string>> FakeMemories::images() const {
  std::vector<std::string> names;
  for (const auto& [name, domain] : kept) names.push_back(name);
  return names;
}

}  // namespace zynclone::tests
