#include "tests/protocol/channel/fake_mailbox_store.hpp"

namespace zynclone::tests {

class FakeMailboxStore final : public channel::MailboxStore {
 public:
  FakeMailboxStore(FakeMailboxTree& tree, std::string own, std::shared_ptr<FakeMailboxTree::Watch> watch)
      : tree_(tree), own_(std::move(own)), watch_(std::move(watch)) {}

  Result<std::optional<std::string>> read(const std::string& path) override { return tree_.read(path); }

  Result<void> write(const std::string& path, std::string_view value) override {
    if (tree_.writes_fail) return *tree_.writes_fail;
    TRY(check(path));
    tree_.write(path, std::string(value));
    return outcome::success();
  }

  Result<void> remove(const std::string& path) override {
    TRY(check(path));
    tree_.remove(path);
    return outcome::success();
  }

  asio::awaitable<Result<void>> changed() override {
    auto watch = watch_;
    while (!watch->fired && !watch->closed) co_await watch->wake_up.wait();
    watch->fired = false;
    if (watch->closed) co_return fail(Errc::unavailable, "closed");
    co_return outcome::success();
  }

  void close() override {
    watch_->closed = true;
    watch_->wake_up.wake();
  }

 private:
  Result<void> check(const std::string& path) {
    if (path == own_ || path.starts_with(own_ + "/")) return outcome::success();
    tree_.forbidden.push_back(path);
    return fail(Errc::refused, "cannot write '" + path + "'");
  }

  FakeMailboxTree& tree_;
  std::string own_;
  std::shared_ptr<FakeMailboxTree::Watch> watch_;
};

std::unique_ptr<channel::MailboxStore> FakeMailboxTree::open(std::string own, std::string watched) {
  auto watch = std::make_shared<Watch>();
  watch->path = std::move(watched);
  watches_.push_back(watch);
  return std::make_unique<FakeMailboxStore>(*this, std::move(own), watch);
}

std::optional<std::string> FakeMailboxTree::read(const std::string& path) const {
  const auto found = nodes.find(path);
  return found == nodes.end() ? std::nullopt : std::optional(found->second);
}

void FakeMailboxTree::write(const std::string& path, std::string value) {
  largest_value = std::max(largest_value, value.size());
  nodes[path] = std::move(value);
  fire(path);
}

void FakeMailboxTree::remove(const std::string& path) {
  std::erase_if(nodes, [&](const auto& node) { return node.first == path || node.first.starts_with(path + "/"); });
  fire(path);
}

void FakeMailboxTree::fire(const std::string& path) {
  for (auto& watch : watches_) {
    if (path != watch->path && !path.starts_with(watch->path + "/") && !watch->path.starts_with(path + "/")) continue;
    watch->fired = true;
    watch->wake_up.wake();
  }
}

}  // namespace zynclone::tests
